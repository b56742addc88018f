// The archive in time: a bar a month, the evidence of an answer marked on it, and a span of months to be chosen by drawing over it.
// The two date fields beside it do the same from the keyboard.

import { monthText, parse } from "./dates.js";
import { h, list, plural, svg } from "./dom.js";

const MOST_BARS = 180; // more months than that are told by the year

/** Months from the first to the last, those without articles too; years where there are too many. */
export function bars(months) {
  const counts = new Map(list(months).map(({ month, articles }) => [month, articles]));
  const known = [...counts.keys()].filter((month) => /^\d{4}-\d\d$/.test(month)).sort();
  if (!known.length) return [];
  const [first, last] = [number(known[0]), number(known.at(-1))];
  const step = last - first >= MOST_BARS ? 12 : 1;
  const found = [];
  for (let at = step === 12 ? first - (first % 12) : first; at <= last; at += step) {
    let articles = 0;
    for (let month = at; month < at + step; month += 1) articles += counts.get(name(month)) ?? 0;
    found.push({ from: name(at), last: name(at + step - 1), articles, label: step === 12 ? name(at).slice(0, 4) : monthText(name(at)) });
  }
  return found;
}

const number = (month) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1;
const name = (count) => `${String(Math.floor(count / 12)).padStart(4, "0")}-${String((count % 12) + 1).padStart(2, "0")}`;

/** The first and the last day of a span of bars, both included. */
export function daysOf(first, last) {
  const end = new Date(`${last.last}-01`);
  end.setUTCMonth(end.getUTCMonth() + 1, 0);
  return { from: `${first.from}-01`, to: end.toISOString().slice(0, 10) };
}

export class Timeline {
  /** onChoose({from, to}) gets days, both included, or two empty strings for all time. */
  constructor(root, onChoose) {
    this.root = root;
    this.onChoose = onChoose;
    this.bars = [];
    this.chosen = { from: "", to: "" };
    this.marked = [];
    this.drawn = null; // {from, to} as indexes while the pointer is down
  }

  show(months) {
    this.bars = bars(months);
    this.root.hidden = this.bars.length < 2;
    if (this.root.hidden) return;
    const most = Math.max(...this.bars.map(({ articles }) => articles));
    this.plot = svg("svg", { viewBox: `0 0 ${this.bars.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
      this.bars.map(({ articles }, index) => {
        const height = articles ? Math.max(articles / most, 0.04) : 0;
        return svg("rect", { x: index + 0.1, y: 1 - height, width: 0.8, height });
      }));
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.caption = h("span", { class: "caption" });
    this.field = h("div", { class: "plot" }, this.plot, this.marks);
    const peak = this.bars.find(({ articles }) => articles === most);
    this.picture = h("div", { class: "picture", role: "img", "aria-label":
      `Articles by month, ${this.bars[0].label} to ${this.bars.at(-1).label}; most in ${peak.label}: ${most}` }, this.field);
    this.root.replaceChildren(this.picture, h("div", { class: "axis", "aria-hidden": "true" },
      h("span", {}, this.bars[0].label), this.caption, h("span", {}, this.bars.at(-1).label)));
    this.#listen();
    this.#paint();
    this.mark(this.marked);
  }

  /** The days on which the evidence was published: [{published_at, number}]. */
  mark(evidence) {
    this.marked = list(evidence);
    if (!this.marks) return;
    const first = number(this.bars[0].from);
    const span = number(this.bars.at(-1).last) + 1 - first;
    this.marks.replaceChildren(...this.marked.map((one) => {
      const moment = parse(one.published_at);
      if (!moment) return null;
      const days = new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + 1, 0)).getUTCDate();
      const at = moment.getUTCFullYear() * 12 + moment.getUTCMonth() + (moment.getUTCDate() - 0.5) / days - first;
      if (at < 0 || at > span) return null;
      const node = h("span", { class: "mark" });
      node.style.left = `${(100 * at) / span}%`;
      return node;
    }).filter(Boolean));
  }

  /** Days, both included; empty for an open end. */
  choose({ from, to }) {
    this.chosen = { from, to };
    this.#paint();
  }

  #listen() {
    const indexAt = (event) => {
      const { left, width } = this.field.getBoundingClientRect();
      return Math.min(Math.max(Math.floor(((event.clientX - left) / width) * this.bars.length), 0), this.bars.length - 1);
    };
    this.field.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.field.setPointerCapture(event.pointerId);
      this.drawn = { from: indexAt(event), to: indexAt(event) };
      this.#paint();
    });
    this.field.addEventListener("pointermove", (event) => {
      const index = indexAt(event);
      this.#say(this.drawn ? null : index);
      if (!this.drawn) return;
      this.drawn.to = index;
      this.#paint();
    });
    this.field.addEventListener("pointerup", () => {
      if (!this.drawn) return;
      const [from, to] = [this.drawn.from, this.drawn.to].sort((a, b) => a - b);
      this.drawn = null;
      const days = daysOf(this.bars[from], this.bars[to]);
      const again = days.from === this.chosen.from && days.to === this.chosen.to;
      this.onChoose(again ? { from: "", to: "" } : days);
    });
    addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.drawn) return;
      event.preventDefault();
      this.drawn = null;
      this.#paint();
    }, { capture: true });
    for (const type of ["pointercancel", "pointerleave"]) {
      this.field.addEventListener(type, () => {
        if (type === "pointercancel") this.drawn = null;
        this.#say(null);
        this.#paint();
      });
    }
  }

  #say(index) {
    const bar = this.bars[index];
    this.caption.textContent = bar ? `${bar.label}: ${plural(bar.articles, "article")}` : "";
  }

  #paint() {
    if (!this.plot) return;
    const { from, to } = this.chosen;
    const [low, high] = this.drawn ? [this.drawn.from, this.drawn.to].sort((a, b) => a - b) : [null, null];
    [...this.plot.children].forEach((rect, index) => {
      const bar = this.bars[index];
      const inside = this.drawn ? index >= low && index <= high
        : (!from || `${bar.last}-31` >= from) && (!to || `${bar.from}-01` <= to);
      rect.classList.toggle("out", !inside);
    });
  }
}

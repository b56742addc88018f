// The search desk: the question, its coverage line, the filters and the examples.

import { spanText } from "./dates.js";
import { byId, h, plural } from "./dom.js";

/** What a question on the page is: its text and what narrows it. Everything in it is in the URL. */
export function requestFrom(search) {
  const query = new URLSearchParams(search);
  const day = query.get("as_of") ?? "";
  return {
    question: (query.get("q") ?? "").trim().slice(0, 2000),
    day: /^\d{4}-\d\d-\d\d$/.test(day) ? day : "",
    sources: query.getAll("source"),
    window: query.get("window") !== "off",
  };
}

export function pathOf({ question, day, sources, window }) {
  if (!question) return "/";
  const query = new URLSearchParams({ q: question });
  if (day) query.set("as_of", day);
  for (const source of sources) query.append("source", source);
  if (!window) query.set("window", "off");
  return `/?${query}`;
}

export class Desk {
  /** onAsk(request) is called with what the reader asks. */
  constructor(onAsk) {
    this.form = byId("ask");
    this.field = byId("question");
    this.day = byId("as-of");
    this.onAsk = onAsk;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("input", () => this.fit());
    byId("following-end").addEventListener("click", () => {
      this.follow(null);
      this.field.focus();
    });
    byId("narrow").addEventListener("change", () => this.#summarise());
    addEventListener("resize", () => this.fit());
    this.fit();
  }

  submit() {
    const question = this.field.value.trim();
    if (!question) return this.field.focus();
    // On a touch screen the keyboard would hide the answer.
    if (matchMedia("(pointer: coarse)").matches) this.field.blur();
    this.onAsk({ question, day: this.day.value, sources: this.#chosen(), window: true, conversation: this.followed?.id ?? null });
  }

  /** Puts a request into the form, as after back, forward or reload. */
  fill({ question, day, sources }) {
    this.field.value = question;
    this.day.value = day;
    this.wanted = new Set(sources);
    for (const box of this.#boxes()) box.checked = this.wanted.has(box.value);
    this.#summarise();
    this.fit();
  }

  /** The next question continues the conversation {id, question}; null begins afresh. */
  follow(conversation) {
    this.followed = conversation;
    byId("following").hidden = !conversation;
    byId("following-text").textContent = conversation ? `Following up on \u201c${conversation.question}\u201d` : "";
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #boxes() {
    return [...byId("outlet-list").querySelectorAll("input")];
  }

  #chosen() {
    const boxes = this.#boxes();
    return boxes.length ? boxes.filter((box) => box.checked).map((box) => box.value) : [...(this.wanted ?? [])];
  }

  #summarise() {
    const parts = [];
    if (this.day.value) parts.push("as of a day");
    const count = this.#chosen().length;
    if (count) parts.push(plural(count, "outlet"));
    byId("narrow-summary").textContent = parts.length ? ` \u00b7 ${parts.join(", ")}` : "";
  }

  showCoverage(coverage) {
    const sources = (Array.isArray(coverage.sources) ? coverage.sources : []).filter(({ source }) => source);
    const span = spanText(coverage.from, coverage.to);
    const from = sources.length ? ` from ${plural(sources.length, "outlet")}` : "";
    byId("coverage").textContent = coverage.articles
      ? `${plural(coverage.articles, "article")}${from}${span ? `, ${span}` : ""}` : "";
    byId("outlets").hidden = sources.length < 2;
    byId("outlet-list").replaceChildren(...sources.map(({ source, articles }) => {
      const box = h("input", { type: "checkbox", value: source });
      box.checked = this.wanted?.has(source) ?? false;
      return h("label", {}, box, h("span", { dir: "auto" }, source), h("span", { class: "tally" }, `${articles ?? ""}`));
    }));
    this.#summarise();
    const examples = (Array.isArray(coverage.examples) ? coverage.examples : []).filter((text) => typeof text === "string").slice(0, 4);
    byId("example-list").replaceChildren(...examples.map((question) => h("li", {},
      h("button", { type: "button", class: "example", dir: "auto", on: {
        click: () => {
          this.fill({ question, day: this.day.value, sources: this.#chosen() });
          this.submit();
        },
      } }, question))));
    this.hasExamples = examples.length > 0;
  }
}

// The search desk: the question, its coverage line, the archive in time, the filters and the examples.

import { endOfDay, nextDay, parse, spanText } from "./dates.js";
import { byId, h, plural } from "./dom.js";
import { Timeline } from "./timeline.js";

const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && parse(text)?.toISOString().startsWith(text);

/** What a question on the page is: its text and what narrows it. Everything in it is in the URL. */
export function requestFrom(search) {
  const query = new URLSearchParams(search);
  const day = (name) => (isDay(query.get(name) ?? "") ? query.get(name) : "");
  const [from, to] = inOrder(day("from"), day("to")); // both days included
  return {
    question: (query.get("q") ?? "").trim().slice(0, 2000),
    day: day("as_of"),
    from,
    to,
    sources: query.getAll("source"),
    window: query.get("window") !== "off",
  };
}

const inOrder = (from, to) => (from && to && from > to ? [to, from] : [from, to]);

export function pathOf({ question, day, from, to, sources, window }) {
  const query = new URLSearchParams(question ? { q: question } : {});
  for (const [name, value] of Object.entries({ as_of: day, from, to })) if (value) query.set(name, value);
  for (const source of sources) query.append("source", source);
  if (!window) query.set("window", "off");
  return query.size ? `/?${query}` : "/";
}

/** The body of `POST /v1/ask` for a request. */
export function bodyOf(request) {
  const body = { question: request.question, debug: true, filters: {} };
  if (request.day) body.asked_at = endOfDay(request.day);
  if (request.from) body.filters.published_from = request.from;
  if (request.to) body.filters.published_to = nextDay(request.to);
  if (request.sources.length) body.filters.sources = request.sources;
  if (!request.window) body.infer_window = false;
  if (request.conversation) body.conversation_id = request.conversation;
  return body;
}

export class Desk {
  /** onAsk(request) is called with what the reader asks. */
  constructor(onAsk) {
    this.form = byId("ask");
    this.field = byId("question");
    this.day = byId("as-of");
    this.from = byId("from");
    this.to = byId("to");
    this.timeline = new Timeline(byId("timeline"), (span) => {
      [this.from.value, this.to.value] = [span.from, span.to];
      this.#narrowed();
      if (this.asked && this.field.value.trim() === this.asked) this.submit(); // else there is a question half written
    });
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
    byId("narrow").addEventListener("change", () => this.#narrowed());
    addEventListener("resize", () => this.fit());
    this.fit();
  }

  submit() {
    const question = this.field.value.trim();
    if (!question) return this.field.focus();
    // On a touch screen the keyboard would hide the answer.
    if (matchMedia("(pointer: coarse)").matches) this.field.blur();
    this.onAsk({ question, ...this.#filters(), window: true, conversation: this.followed?.id ?? null });
  }

  #filters() {
    const [from, to] = inOrder(this.from.value, this.to.value);
    return { day: this.day.value, from, to, sources: this.#chosen() };
  }

  /** Puts a request into the form, as after back, forward or reload. */
  fill({ question, day, from, to, sources }) {
    this.asked = question;
    this.field.value = question;
    [this.day.value, this.from.value, this.to.value] = [day, from, to];
    this.wanted = new Set(sources);
    for (const box of this.#boxes()) box.checked = this.wanted.has(box.value);
    this.#narrowed();
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

  #narrowed() {
    const { day, from, to, sources } = this.#filters();
    const parts = [day ? "as of a day" : null, spanText(from || null, to || null), sources.length ? plural(sources.length, "outlet") : null];
    byId("narrow-summary").textContent = parts.some(Boolean) ? ` \u00b7 ${parts.filter(Boolean).join(", ")}` : "";
    this.timeline.choose({ from, to });
    if (this.#boxes().length) this.wanted = new Set(sources);
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
    this.timeline.show(coverage.months);
    this.#narrowed();
    const examples = (Array.isArray(coverage.examples) ? coverage.examples : []).filter((text) => typeof text === "string").slice(0, 4);
    byId("example-list").replaceChildren(...examples.map((question) => h("li", {},
      h("button", { type: "button", class: "example", dir: "auto", on: {
        click: () => {
          this.fill({ question, ...this.#filters() });
          this.submit();
        },
      } }, question))));
    this.hasExamples = examples.length > 0;
  }
}

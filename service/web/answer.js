// The answer as it grows, sentence by checked sentence, and as it ends.

import { byline, closeCard, entry, markers } from "./citations.js";
import { dayText, spanText, timeElement, windowText } from "./dates.js";
import { byId, h, listed, plural } from "./dom.js";
import { inspector } from "./inspector.js";

const VERDICTS = {
  partial: ["Part of the question is answered by the archive", "What follows is the part that the articles carry."],
  conflicting: ["Sources disagree", "Each position is shown with the outlets that report it."],
  insufficient_evidence: ["The archive does not say", null],
  outside_coverage: ["The archive has nothing from that time", null],
};
const REFUSALS = new Set(["insufficient_evidence", "outside_coverage"]);

const list = (value) => (Array.isArray(value) ? value : []);

export class AnswerView {
  /**
   * handlers: withoutWindow() asks again without the time window that was read out of the question;
   * followUp(answer) lets the next question continue this conversation.
   */
  constructor(request, handlers) {
    closeCard();
    this.request = request;
    this.handlers = handlers;
    this.citations = new Map();
    this.sentences = []; // {key, node}
    this.extractive = false;
    this.chips = h("div", { class: "chips" });
    this.verdict = h("div", { class: "verdict-place" });
    this.prose = h("div", { class: "prose" });
    this.reading = byId("reading");
    this.tail = byId("tail");
    byId("answer").replaceChildren(h("h2", { class: "asked", dir: "auto" }, request.question),
      this.chips, this.verdict, this.prose);
    this.reading.replaceChildren();
    this.tail.replaceChildren();
    this.showContext({});
  }

  /** From meta or final: what was understood. */
  showContext({ standalone_question: understood, window, generator }) {
    if (generator) this.extractive = generator.kind === "extractive";
    const chips = [];
    const { day, sources } = this.request;
    if (day) chips.push(h("span", { class: "chip" }, "as of ", timeElement(day)));
    if (sources.length) chips.push(h("span", { class: "chip" }, `only ${listed(sources)}`));
    if (window?.applied) {
      const span = windowText(window.from, window.to);
      const label = [window.phrase, span].filter(Boolean).join(": ");
      chips.push(h("span", { class: "chip window" }, label,
        h("button", { type: "button", "aria-label": `Remove the time window ${label} and ask again`,
          title: "Ask without this time window", on: { click: () => this.handlers.withoutWindow() } }, "\u00d7")));
    }
    if (understood && understood.trim() !== this.request.question.trim()) {
      chips.push(h("p", { class: "understood", dir: "auto" }, `Understood as: ${understood}`));
    }
    this.chips.replaceChildren(...chips);
  }

  /** The articles being read, so that the wait says something. Returns the counts for the status line. */
  showEvidence(evidence) {
    const articles = new Map(list(evidence).map((item) => [item.article_id, item]));
    this.reading.replaceChildren(h("ul", {}, [...articles.values()].slice(0, 6).map((item) =>
      h("li", { dir: "auto" }, byline(item), " ", h("span", { class: "reading-title" }, item.title || "Untitled")))));
    return { sentences: list(evidence).length, articles: articles.size };
  }

  addSentence(sentence) {
    this.reading.replaceChildren();
    for (const citation of list(sentence.new_citations)) this.citations.set(citation.marker, citation);
    this.#place(Number.isInteger(sentence.index) ? sentence.index : this.sentences.length, sentence);
  }

  get count() {
    return this.sentences.filter(Boolean).length;
  }

  // A sentence that is already on the page as it should be stays the same node: an open card survives.
  #place(index, sentence) {
    const key = JSON.stringify([sentence.text, sentence.support, sentence.citations, this.extractive]);
    const old = this.sentences[index];
    if (old?.key === key) return;
    const node = this.#sentence(sentence);
    if (old) old.node.replaceWith(node);
    else this.prose.append(node);
    this.sentences[index] = { key, node };
  }

  #sentence({ text, support, citations }) {
    const numbers = markers(list(citations), (marker) => this.citations.get(marker));
    const supported = support !== "unsupported";
    if (this.extractive && supported) {
      const first = this.citations.get(list(citations)[0]);
      return h("p", { class: "sentence quoted" }, h("span", { class: "text", dir: "auto" }, text),
        h("span", { class: "attribution" }, first ? byline(first) : null, numbers));
    }
    return h("span", { class: supported ? "sentence" : "sentence unsupported" },
      h("span", { class: "text", dir: "auto" }, text), numbers,
      supported ? null : h("span", { class: "note" }, "not found in the sources"), " ");
  }

  /** The whole answer; it replaces what was streamed. */
  showFinal(answer) {
    this.showContext(answer);
    this.citations = new Map(list(answer.citations).map((citation) => [citation.marker, citation]));
    this.prose.classList.toggle("refusal", REFUSALS.has(answer.status));
    const sentences = list(answer.sentences);
    for (const extra of this.sentences.splice(sentences.length)) extra?.node.remove();
    sentences.forEach((sentence, index) => this.#place(index, sentence));
    if (!sentences.length) this.prose.replaceChildren(...(answer.text ? [h("p", { dir: "auto" }, answer.text)] : []));
    this.reading.replaceChildren();
    this.verdict.replaceChildren(...this.#verdict(answer), ...this.#label(answer));
    this.tail.replaceChildren(...[
      this.#conflicts(answer), this.#nearest(answer), this.#sources(answer), this.#madeBy(answer), inspector(answer.debug),
    ].filter(Boolean));
  }

  /** The stream stopped or broke: keep what was checked, list its sources. */
  showUnfinished() {
    this.reading.replaceChildren();
    const cited = this.#sources({ citations: [...this.citations.values()] });
    this.tail.replaceChildren(...(cited ? [cited] : []));
  }

  #verdict({ status, coverage }) {
    const [title, explanation] = VERDICTS[status] ?? [];
    if (!title) return [];
    const span = coverage && spanText(coverage.from, coverage.to, { short: false });
    const range = REFUSALS.has(status) && span
      ? `The archive holds ${plural(coverage.articles, "article")}, ${span}.` : null;
    return [h("div", { class: `verdict ${status}` }, h("h3", {}, title),
      explanation || range ? h("p", {}, explanation ?? range) : null)];
  }

  // A reader should know at once that these are the articles' words and not a model's.
  #label({ status, generator }) {
    const { fallback } = generator ?? {};
    const reason = typeof fallback === "string" && fallback ? h("span", { dir: "auto" }, ` ${fallback}`) : null;
    if (!this.extractive || (REFUSALS.has(status) && !reason)) return [];
    return [h("p", { class: "label" },
      REFUSALS.has(status) ? null : "Quoted directly from articles; no language model was used.", reason)];
  }

  #conflicts({ conflicts }) {
    if (!list(conflicts).length) return null;
    return h("div", { class: "conflicts" }, list(conflicts).map(({ about, positions, outlier }) =>
      h("section", { class: "conflict" }, h("h3", { dir: "auto" }, about),
        h("ul", { class: "positions" }, list(positions).map(({ value, citations }) =>
          h("li", {}, h("p", { class: "value", dir: "auto" }, value),
            value === outlier ? h("p", { class: "held-by" }, "One outlet alone, against several") : null,
            list(citations).filter((marker) => this.citations.has(marker)).map((marker) =>
              h("p", { class: "held-by" }, byline(this.citations.get(marker)),
                markers([marker], (number) => this.citations.get(number))))))))));
  }

  #nearest({ nearest }) {
    if (!list(nearest).length) return null;
    return h("section", { class: "sources" }, h("h3", {}, "Closest passages"),
      h("ul", { class: "entries" }, list(nearest).map((citation) => entry(citation, { numbered: false }))));
  }

  #sources({ citations }) {
    if (!list(citations).length) return null;
    return h("section", { class: "sources" }, h("h3", {}, "Sources"),
      h("ol", { class: "entries" }, list(citations).map((citation) => entry(citation))));
  }

  #madeBy(answer) {
    const { status, generator, timings_ms: timings, asked_at: askedAt, conversation_id: conversation } = answer;
    const seconds = Number.isFinite(timings?.total) ? ` in ${(timings.total / 1000).toFixed(1)} s` : "";
    const asked = dayText(askedAt) ? ` Asked ${dayText(askedAt, { short: true })}.` : "";
    const label = REFUSALS.has(status) || this.extractive || !generator ? `Searched${seconds}.`
      : `Written by ${generator.name}${seconds}; each sentence was checked against the articles.`;
    return h("div", { class: "made-by" },
      h("p", {}, label, asked),
      conversation ? h("button", { type: "button", class: "secondary", on: { click: () => this.handlers.followUp(answer) } },
        "Ask a follow-up") : null);
  }
}

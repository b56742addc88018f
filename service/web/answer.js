// The answer as it grows, sentence by checked sentence, and as it ends.

import { byline, closeCard, entry, markers } from "./citations.js";
import { dayText, spanText, timeElement, windowText } from "./dates.js";
import { button, h, list, listed, plural } from "./dom.js";
import { feedback } from "./feedback.js";
import { inspector } from "./inspector.js";
import { asSentence } from "./notices.js";
import { asMarkdown, asText, copy, linkTo } from "./share.js";

const VERDICTS = {
  partial: ["Part of the question is answered by the archive", "What follows is the part that the articles carry."],
  conflicting: ["Sources disagree", "Each position is shown with the outlets that report it."],
  insufficient_evidence: ["The archive does not say", null],
  outside_coverage: ["The archive has nothing from that time", null],
};
const REFUSALS = new Set(["insufficient_evidence", "outside_coverage"]);

export class AnswerView {
  /**
   * slots: the elements {answer, reading, tail} that it fills.
   * handlers: withoutWindow() asks again without the time window that was read out of the question; without(filter) asks again without
   * a filter of the reader's; followUp(answer) lets the next question continue this conversation; again() asks again;
   * marked(evidence) is told what the answer rests on.
   * kept: an answer of some time ago, as the archive keeps it: {since, feedback}.
   */
  constructor(slots, request, handlers, kept = null) {
    closeCard();
    this.request = request;
    this.handlers = handlers;
    this.kept = kept;
    this.id = null;
    this.citations = new Map();
    this.sentences = []; // {key, node}
    this.extractive = false;
    this.chips = h("div", { class: "chips" });
    this.verdict = h("div", { class: "verdict-place" });
    this.prose = h("div", { class: "prose" });
    this.reading = slots.reading;
    this.tail = slots.tail;
    slots.answer.replaceChildren(h("h2", { class: "asked", dir: "auto" }, request.asked ?? request.question), this.chips, this.verdict, this.prose);
    this.reading.replaceChildren();
    this.tail.replaceChildren();
    this.showContext({});
  }

  /** From meta or final: what was understood. */
  showContext({ standalone_question: understood, window, generator }) {
    if (generator) this.extractive = generator.kind === "extractive";
    const chips = [];
    const { day, from, to, sources } = this.request;
    if (day) chips.push(this.#chip(["as of ", timeElement(day)], `as of ${dayText(day)}`, { day: "" }));
    if (from || to) {
      const span = spanText(from || null, to || null);
      chips.push(this.#chip([`only ${span}`], `only ${span}`, { from: "", to: "" }));
    }
    if (sources.length) chips.push(this.#chip([`only ${listed(sources)}`], `only ${listed(sources)}`, { sources: [] }));
    if (window?.applied) {
      const span = windowText(window.from, window.to);
      const label = [window.phrase, span].filter(Boolean).join(": ");
      chips.push(h("span", { class: "chip window" }, label, this.handlers.withoutWindow
        ? h("button", { type: "button", "aria-label": `Remove the time window ${label} and ask again`,
          title: "Ask without this time window", on: { click: () => this.handlers.withoutWindow() } }, "\u00d7") : null));
    }
    if (understood && understood.trim() !== (this.request.asked ?? this.request.question).trim()) {
      chips.push(h("p", { class: "understood", dir: "auto" }, `Understood as: ${understood}`));
    }
    this.chips.replaceChildren(...chips);
  }

  #chip(words, label, without) {
    return h("span", { class: "chip" }, words, this.handlers.without
      ? h("button", { type: "button", "aria-label": `Remove \u201c${label}\u201d and ask again`, title: "Ask without it",
        on: { click: () => this.handlers.without(without) } }, "\u00d7") : null);
  }

  /** The articles being read, so that the wait says something. Returns the counts for the status line. */
  showEvidence(evidence) {
    const articles = new Map(list(evidence).map((item) => [item.article_id, item]));
    this.handlers.marked?.([...articles.values()]);
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
    const key = JSON.stringify([sentence.text, sentence.support, sentence.citations, sentence.missing, this.extractive]);
    const old = this.sentences[index];
    if (old?.key === key) return;
    const node = this.#sentence(sentence, index);
    if (old) old.node.replaceWith(node);
    else this.prose.append(node);
    this.sentences[index] = { key, node };
  }

  #sentence({ text, support, citations, missing }, index) {
    const numbers = markers(list(citations), (marker) => this.citations.get(marker));
    const supported = support !== "unsupported";
    if (this.extractive && supported) {
      const first = this.citations.get(list(citations)[0]);
      return h("p", { class: "sentence quoted" }, h("span", { class: "text", dir: "auto" }, text),
        h("span", { class: "attribution" }, first ? byline(first) : null, numbers, this.#judge(index)));
    }
    return h("span", { class: supported ? "sentence" : "sentence unsupported" },
      h("span", { class: "text", dir: "auto" }, text), numbers, supported ? null : why(missing), this.#judge(index), " ");
  }

  /** A discreet button behind a sentence that opens the judgement on it. */
  #judge(index) {
    if (!this.handlers.judged) return null;
    const place = h("span", { class: "judge-place" });
    const toggle = button("\u2691", () => {
      const open = !place.childElementCount;
      const given = list(this.kept?.feedback).findLast((one) => one.sentence === index)?.verdict;
      place.replaceChildren(...(open && this.id ? [feedback(this.id, { sentence: index, given })] : []));
      toggle.setAttribute("aria-expanded", String(open));
      if (open) place.querySelector("button")?.focus();
    }, { class: "judge", "aria-expanded": "false", "aria-label": `Judge sentence ${index + 1}`, title: "Is this sentence right?" });
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.stopPropagation();
      place.replaceChildren();
      toggle.setAttribute("aria-expanded", "false");
      toggle.focus();
    });
    return h("span", { class: "judging" }, toggle, place);
  }

  /** The whole answer; it replaces what was streamed. */
  showFinal(answer) {
    this.showContext(answer);
    this.id = answer.id;
    this.conversation = answer.conversation_id;
    const since = this.kept?.since ?? {};
    const now = (citation) => ({ ...citation, since: since[citation.article_id] });
    answer = { ...answer, citations: list(answer.citations).map(now), nearest: list(answer.nearest).map(now) };
    this.citations = new Map(answer.citations.map((citation) => [citation.marker, citation]));
    this.handlers.marked?.(answer.citations.length ? answer.citations : answer.nearest);
    this.prose.classList.add("whole");
    this.prose.classList.toggle("refusal", REFUSALS.has(answer.status));
    const sentences = list(answer.sentences);
    for (const extra of this.sentences.splice(sentences.length)) extra?.node.remove();
    sentences.forEach((sentence, index) => this.#place(index, sentence));
    if (!sentences.length) this.prose.replaceChildren(...(answer.text ? [h("p", { dir: "auto" }, answer.text)] : []));
    this.reading.replaceChildren();
    this.verdict.replaceChildren(...this.#verdict(answer), ...this.#label(answer));
    this.tail.replaceChildren(...[
      this.#conflicts(answer), this.#actions(answer), this.#nearest(answer), this.#sources(answer), this.#madeBy(answer),
      inspector(answer),
    ].filter(Boolean));
    this.#linkSources(answer);
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
    const reason = typeof fallback === "string" && fallback ? h("span", { dir: "auto" }, ` ${asSentence(fallback)}`) : null;
    if (!this.extractive || (REFUSALS.has(status) && !reason)) return [];
    const quoted = reason ? "Quoted directly from articles." : "Quoted directly from articles; no language model was used.";
    return [h("p", { class: "label" }, REFUSALS.has(status) ? null : quoted, reason)];
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

  /** What can be done with the answer: go on from it, take it along, judge it. */
  #actions(answer) {
    const said = h("span", { class: "said", role: "status" });
    const taking = (label, name, text) => button(label, async () => {
      said.textContent = (await copy(text())) ? `${name} copied.` : "The browser does not let this page copy.";
    });
    const { followUp, again } = this.handlers;
    const given = list(this.kept?.feedback).findLast((one) => one.sentence === null)?.verdict;
    return h("div", { class: "actions" },
      h("div", { class: "buttons" },
        followUp && answer.conversation_id
          ? button("Ask a follow-up", () => followUp(answer), { class: "secondary" }) : null,
        again ? button("Ask again", again) : null,
        taking("Copy", "Text with sources", () => asText(answer)),
        taking("Copy as Markdown", "Markdown with sources", () => asMarkdown(answer)),
        taking("Copy link", "Link", () => linkTo(answer)),
        said),
      this.handlers.judged ? feedback(answer.id, { given }) : null);
  }

  // From an answer, an article opens with every sentence marked that the answer cites of it.
  #linkSources({ citations, nearest }) {
    this.cited = new Map();
    for (const { article_id: id, start, end } of [...citations, ...nearest]) {
      this.cited.set(id, [...(this.cited.get(id) ?? []), [start, end]]);
    }
  }

  #madeBy(answer) {
    const { status, generator, timings_ms: timings } = answer;
    const askedAt = answer.given_at ?? answer.asked_at;
    const seconds = Number.isFinite(timings?.total) ? ` in ${(timings.total / 1000).toFixed(1)} s` : "";
    const label = REFUSALS.has(status) || this.extractive || !generator ? `Searched${seconds}.`
      : `Written by ${generator.name}${seconds}; each sentence was checked against the articles.`;
    return h("div", { class: "made-by" },
      h("p", {}, label, dayText(askedAt) ? [" Asked ", timeElement(askedAt, { short: true, clock: true }), "."] : null));
  }
}

/** Why a sentence is not believed: what of it no article says, where that can be named. */
function why(missing) {
  const words = list(missing).filter((word) => typeof word === "string" && word).slice(0, 4);
  return h("span", { class: "note" }, words.length
    ? [`no source says `, words.map((word, index) => [index ? ", " : "", h("q", { dir: "auto" }, word)])].flat(2)
    : "not found in the sources");
}

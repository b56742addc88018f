// How an answer was found: what was read out of the question, and every candidate with what its score is the sum of.

import { timeElement, windowText } from "./dates.js";
import { articleLink, h, listed, plural } from "./dom.js";

const PARTS = {
  similarity: "meaning", lexical: "words", fusion: "rank", sentence: "one sentence", clause: "part of the question", lead: "lead",
  outlet: "named outlet", quoted: "quoted phrase", recency: "nearness in time", latest: "newest asked for", repeat: "same story again",
  reprint: "found by a reprint",
};
const SHOWN = 12; // candidates before the fold

const list = (value) => (Array.isArray(value) ? value : []);

/** A closed line that opens to the explanation; null where the answer has none. debug: the `debug` of an answer. */
export function inspector(debug) {
  if (!debug) return null;
  const body = h("tbody", {});
  const rows = list(debug.candidates);
  const show = (from, to) => body.append(...rows.slice(from, to).map(candidate));
  const more = h("button", { type: "button", class: "quiet", on: { click: () => {
    show(SHOWN);
    more.remove();
  } } }, `Show ${plural(rows.length - SHOWN, "more passage")} that were considered`);
  show(0, SHOWN);
  return h("details", { class: "inspector" }, h("summary", {}, "How this was found"),
    h("div", { class: "inspector-body" },
      h("p", { dir: "auto" }, reading(debug.understood ?? {})),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Passages that were considered" },
        h("table", {},
          h("thead", {}, h("tr", {}, ["", "Passage", "Used", "Score", "Made of", "By meaning", "By words", "Story"].map((name) =>
            h("th", { scope: "col" }, name || h("span", { class: "sr-only" }, "Rank"))))),
          body)),
      rows.length > SHOWN ? more : null));
}

function reading({ windows, outlets, authors, quoted, clauses, wants_latest: latest }) {
  const facts = [
    ...list(windows).map((window) => `time: ${window.phrase} (${windowText(window.from, window.to) ?? "any time"})${window.applied ? "" : ", not used"}`),
    ...(latest ? ["the newest state is wanted"] : []),
    ...(list(outlets).length ? [`outlets: ${listed(outlets)}`] : []),
    ...(list(authors).length ? [`authors: ${listed(authors)}`] : []),
    ...(list(quoted).length ? [`quoted: ${listed(quoted)}`] : []),
    ...(list(clauses).length ? [`parts: ${clauses.map((clause) => `\u201c${clause}\u201d`).join(", ")}`] : []),
  ];
  return facts.length ? `Read out of the question \u2014 ${facts.join("; ")}.` : "Nothing but its words was read out of the question.";
}

function candidate(row) {
  const parts = Object.entries(row.parts ?? {}).filter(([, value]) => Math.abs(value) >= 0.005).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return h("tr", { class: row.used ? "used" : null },
    h("td", { class: "figure" }, `${row.rank}`),
    h("th", { scope: "row", dir: "auto" }, articleLink(row, row.title || "Untitled"),
      h("span", { class: "from" }, row.source || "Unknown outlet", ", ", timeElement(row.published_at, { short: true }))),
    h("td", {}, row.why ?? ""),
    h("td", { class: "figure" }, Number(row.score).toFixed(2)),
    h("td", {}, h("ul", { class: "parts" }, parts.map(([name, value]) =>
      h("li", {}, `${PARTS[name] ?? name} `, h("span", { class: "figure" }, `${value > 0 ? "+" : "\u2212"}${Math.abs(value).toFixed(2)}`))))),
    h("td", { class: "figure" }, row.dense_rank ?? "\u2013"),
    h("td", { class: "figure" }, row.lexical_rank ?? "\u2013"),
    h("td", { class: "figure" }, row.story ?? "\u2013"));
}

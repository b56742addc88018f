// How an answer was found: what was read out of the question, and every candidate with what its score is the sum of.

import { postJson, Problem } from "./api.js";
import { timeElement, windowText } from "./dates.js";
import { articleLink, h, listed } from "./dom.js";

const PARTS = {
  similarity: "meaning", lexical: "words", fusion: "rank", sentence: "one sentence", clause: "part of the question", lead: "lead",
  outlet: "named outlet", quoted: "quoted phrase", recency: "nearness in time", latest: "newest asked for", repeat: "same article again",
};
const READ = 8; // as many as the service reads by default; the evidence itself says more

const list = (value) => (Array.isArray(value) ? value : []);

/** A closed line that asks for the explanation when it is opened. body: the search; evidence: the sentences the answer was made of. */
export function inspector(body, evidence) {
  const content = h("div", { class: "inspector-body", "aria-live": "polite" });
  const details = h("details", { class: "inspector" }, h("summary", {}, "How this was found"), content);
  details.addEventListener("toggle", async () => {
    if (!details.open || details.dataset.asked) return;
    details.dataset.asked = "yes";
    content.replaceChildren(h("p", {}, "Searching again, to explain\u2026"));
    try {
      const { debug } = await postJson("/v1/search", { ...body, top_k: READ, debug: true });
      content.replaceChildren(...explanation(debug ?? {}, evidence));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      delete details.dataset.asked;
      content.replaceChildren(h("p", {}, `This cannot be explained just now${error.detail ? `: ${error.detail}` : ""}. Close and open it to try again.`));
    }
  });
  return details;
}

function explanation({ understood = {}, candidates }, evidence) {
  const rows = list(candidates);
  const facts = [
    ...list(understood.windows).map((window) => `time: ${window.phrase} (${windowText(window.from, window.to) ?? "any time"})`),
    ...(list(understood.outlets).length ? [`outlets: ${listed(understood.outlets)}`] : []),
    ...(list(understood.authors).length ? [`authors: ${listed(understood.authors)}`] : []),
    ...(list(understood.quoted).length ? [`quoted: ${listed(understood.quoted)}`] : []),
    ...(list(understood.clauses).length ? [`${understood.clauses.length} parts`] : []),
  ];
  return [
    h("p", { dir: "auto" }, facts.length ? `Read out of the question \u2014 ${facts.join("; ")}.` : "Nothing but its words was read out of the question."),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Passages that were considered" },
      h("table", {},
        h("thead", {}, h("tr", {}, ["", "Passage", "Used", "Score", "Made of", "By meaning", "By words", "Story"].map((name) =>
          h("th", { scope: "col" }, name || h("span", { class: "sr-only" }, "Rank"))))),
        h("tbody", {}, rows.map((row) => candidate(row, evidence))))),
  ];
}

function candidate(row, evidence) {
  const numbers = list(evidence).filter((one) => one.article_id === row.article_id && one.start >= row.start && one.end <= row.end)
    .map((one) => one.number);
  const parts = Object.entries(row.parts ?? {}).filter(([, value]) => Math.abs(value) >= 0.005).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return h("tr", { class: numbers.length ? "used" : null },
    h("td", { class: "figure" }, `${row.rank}`),
    h("th", { scope: "row", dir: "auto" }, articleLink(row, row.title || "Untitled"),
      h("span", { class: "from" }, row.source || "Unknown outlet", ", ", timeElement(row.published_at, { short: true }))),
    h("td", {}, numbers.length ? `sentence ${listed(numbers.map(String))}` : row.used ? "read" : row.why ?? "no"),
    h("td", { class: "figure" }, Number(row.score).toFixed(2)),
    h("td", {}, h("ul", { class: "parts" }, parts.map(([name, value]) =>
      h("li", {}, `${PARTS[name] ?? name} `, h("span", { class: "figure" }, `${value > 0 ? "+" : "\u2212"}${Math.abs(value).toFixed(2)}`))))),
    h("td", { class: "figure" }, row.dense_rank ?? "\u2013"),
    h("td", { class: "figure" }, row.lexical_rank ?? "\u2013"),
    h("td", { class: "figure" }, row.story ?? "\u2013"));
}

// How an answer was found: the stages and their times, what was read out of the question, every candidate with what its score is the sum
// of, what the model was asked word for word, and which sentences of its draft the check cut.

import { timeElement, windowText } from "./dates.js";
import { articleLink, h, list, listed, plural } from "./dom.js";

const PARTS = {
  similarity: "meaning", lexical: "words", fusion: "rank", sentence: "one sentence", clause: "part of the question", lead: "lead",
  outlet: "named outlet", quoted: "quoted phrase", recency: "nearness in time", latest: "newest asked for", repeat: "same story again",
  reprint: "found by a reprint",
};
const SHOWN = 12; // candidates before the fold
const STAGES = { understand: "Understanding the question", search: "Searching", select: "Choosing sentences", generate: "Writing", ground: "Checking" };

/** A closed line that opens to the explanation; null where the answer has none. */
export function inspector({ debug, timings_ms: timings, usage }) {
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
      stages(timings ?? {}, usage ?? {}),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Passages that were considered" },
        h("table", {},
          h("thead", {}, h("tr", {}, ["", "Passage", "Used", "Score", "Made of", "By meaning", "By words", "Story"].map((name) =>
            h("th", { scope: "col" }, name || h("span", { class: "sr-only" }, "Rank"))))),
          body)),
      rows.length > SHOWN ? more : null,
      cut(list(debug.dropped)),
      prompts(list(debug.prompts))));
}

/** Each stage with its share of the time. Writing and checking take turns, so that one may hold the other. */
function stages(timings, { prompt_tokens: read, completion_tokens: written }) {
  const total = Number(timings.total);
  const rows = Object.entries(timings).filter(([name, value]) => name !== "total" && Number.isFinite(value));
  if (!rows.length || !(total > 0)) return null;
  const tokens = [Number.isFinite(read) ? `${plural(read, "token")} read` : null, Number.isFinite(written) ? `${written} written` : null];
  return h("table", { class: "stages" }, h("caption", {}, `Stages, of ${(total / 1000).toFixed(2)} s`,
    tokens.some(Boolean) ? `; the model: ${tokens.filter(Boolean).join(", ")}` : ""),
  h("tbody", {}, rows.map(([name, value]) => {
    const bar = h("span", { class: "bar" });
    bar.style.width = `${Math.min(100, (100 * value) / total)}%`;
    return h("tr", {}, h("th", { scope: "row" }, STAGES[name] ?? name), h("td", { class: "figure" }, `${Math.round(value)} ms`),
      h("td", { class: "share", "aria-hidden": "true" }, bar));
  })));
}

function cut(sentences) {
  if (!sentences.length) return null;
  return h("section", {}, h("h4", {}, "Cut by the check"),
    h("ul", { class: "cut" }, sentences.map((text) => h("li", { dir: "auto" }, text))));
}

function prompts(asked) {
  if (!asked.length) return null;
  return h("section", {}, h("h4", {}, `What the model was asked, ${asked.length === 1 ? "once" : `in ${asked.length} turns`}`),
    asked.map(({ system, user }, index) => h("details", { class: "prompt" },
      h("summary", {}, asked.length === 1 ? "The exact prompt" : `Prompt ${index + 1}`),
      h("pre", { tabindex: "0", dir: "auto" }, `${system}\n\n${user}`))));
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

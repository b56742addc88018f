// An answer to be taken along: as text, as Markdown, as an address that opens it again.

import { dayText } from "./dates.js";
import { list, webUrl } from "./dom.js";

/** The address under which this answer is shown again exactly as it was given. */
export function linkTo(answer) {
  return `${location.origin}/answers/${encodeURIComponent(answer.id)}`;
}

// On one line, and without the characters that turn the direction of what follows.
const bare = (text) => String(text ?? "").replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").replace(/\s+/g, " ").trim();

/** Words of others as Markdown text: nothing in them is markup, a list or a link, of GitHub's kind neither. */
export function escaped(text) {
  return bare(text).replace(/[\\`*_[\]<>#|~&!@:]/g, "\\$&").replace(/\bwww\./gi, "www\\.")
    .replace(/^(\d+)([.)])/, "$1\\$2").replace(/^[-+=]/, "\\$&");
}

function source(citation) {
  return [citation.source || "Unknown outlet", dayText(citation.published_at) ?? "date unknown"].join(", ");
}

/** Sentences with their numbers, then the sources; what no article carries is said to be so. */
export function asText(answer) {
  const lines = [bare(answer.question), "", sentencesOf(answer, bare), ""];
  const cited = list(answer.citations).length ? list(answer.citations) : list(answer.nearest);
  if (cited.length) lines.push(list(answer.citations).length ? "Sources" : "Closest passages");
  for (const one of cited) {
    lines.push(`[${one.marker}] ${source(one)}: ${bare(one.title) || "Untitled"}. \u201c${bare(one.quote)}\u201d${webUrl(one.url) ? ` ${webUrl(one.url)}` : ""}`);
  }
  return `${lines.join("\n")}\n\n${stamp(answer)}: ${linkTo(answer)}\n`;
}

/** The same as Markdown: nothing in an article can become markup or a link of its own. */
export function asMarkdown(answer) {
  const lines = [`**${escaped(answer.question)}**`, "", sentencesOf(answer, escaped), ""];
  const cited = list(answer.citations).length ? list(answer.citations) : list(answer.nearest);
  for (const one of cited) {
    const title = escaped(one.title) || "Untitled";
    const url = webUrl(one.url);
    const linked = url ? `[${title}](<${url.replace(/[<>]/g, encodeURIComponent)}>)` : title;
    lines.push(`${one.marker}. ${escaped(source(one))}: ${linked}  `, `   > ${escaped(one.quote)}`);
  }
  return `${lines.join("\n")}\n\n*${escaped(stamp(answer))}:* <${linkTo(answer)}>\n`;
}

function sentencesOf({ sentences, text, status }, clean) {
  if (!list(sentences).length) return clean(text) || (status === "outside_coverage" ? "The archive has nothing from that time." : "The archive does not say.");
  return list(sentences).map(({ text: said, support, citations }) =>
    `${clean(said)}${list(citations).map((marker) => ` [${marker}]`).join("")}${support === "unsupported" ? " (not found in the sources)" : ""}`).join(" ");
}

function stamp(answer) {
  const asked = dayText(answer.given_at ?? answer.asked_at);
  return `Dateline${asked ? `, asked ${asked}` : ""}`;
}

/** Puts text on the clipboard; false where the browser does not let it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea"); // pages that are not served from this machine have no clipboard of their own
    field.value = text;
    field.className = "sr-only";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** Hands the reader a file. */
export function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

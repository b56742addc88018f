// One article, with the quoted characters marked.

import { parse, timeElement } from "./dates.js";
import { articleLink, h, outsideLink } from "./dom.js";

// Where a date was found, in words. An origin that this page has not heard of is shown as it is named.
const ORIGINS = {
  "json-ld": "stated in the page\u2019s data", meta: "stated in the page\u2019s data", feed: "stated in its feed",
  document: "stated in the document", "file name": "read from its file name or address", unknown: null,
};
// What has become of the version that is shown.
const STATES = {
  updated: "This is an earlier version of the article, as it was cited. It has been changed since.",
  withdrawn: "Its outlet has taken this article down. It is shown as it was last read, and no longer used in answers.",
};
const NOTICES = { correction: "A correction of this article", retraction: "This article was retracted" };

/** The index in UTF-16 units of a count of code points; -1 when the text is shorter. */
export function unitIndex(text, codePoints) {
  let index = 0;
  for (let seen = 0; seen < codePoints; seen += 1) {
    if (index >= text.length) return -1;
    index += text.codePointAt(index) > 0xffff ? 2 : 1;
  }
  return index;
}

/** {start, end} in code points from "#12-80", or null. */
export function rangeFrom(hash) {
  const match = /^#(\d{1,9})-(\d{1,9})$/.exec(hash);
  if (!match) return null;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return start < end ? { start, end } : null;
}

/** Paragraphs as [from, to) in UTF-16 units. Blank lines part them; where there are none, every line is one. */
export function paragraphs(text) {
  const gap = /\n[^\S\n]*\n\s*/.test(text.trim()) ? /\n[^\S\n]*\n\s*/g : /\s*\n\s*/g;
  const found = [];
  let from = 0;
  const add = (to) => { if (text.slice(from, to).trim()) found.push([from, to]); };
  for (const match of text.matchAll(gap)) {
    add(match.index);
    from = match.index + match[0].length;
  }
  add(text.length);
  return found;
}

function bodyOf(text, range) {
  const start = range ? unitIndex(text, range.start) : -1;
  const end = range ? unitIndex(text, range.end) : -1;
  const marked = start >= 0 && end >= 0;
  const nodes = paragraphs(text).map(([from, to]) => {
    const [a, b] = marked ? [Math.max(from, start), Math.min(to, end)] : [0, 0];
    if (a >= b) return h("p", {}, text.slice(from, to));
    return h("p", {}, text.slice(from, a), h("mark", {}, text.slice(a, b)), text.slice(b, to));
  });
  return { nodes, missing: Boolean(range) && !marked };
}

function dates(article) {
  const known = Object.hasOwn(ORIGINS, article.date_origin);
  const origin = known ? ORIGINS[article.date_origin] : (article.date_origin ? `from ${article.date_origin}` : null);
  const rows = [["Published", h("span", {}, timeElement(article.published_at),
    origin && parse(article.published_at) ? h("span", { class: "origin" }, ` (${origin})`) : null)]];
  if (parse(article.updated_at)) rows.push(["Updated", timeElement(article.updated_at)]);
  if (parse(article.ingested_at)) rows.push(["Added to the archive", timeElement(article.ingested_at)]);
  return h("dl", { class: "dates" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function notices(article) {
  const found = Object.hasOwn(STATES, article.state ?? "") ? [h("p", { class: "notice" }, STATES[article.state])] : [];
  for (const notice of Array.isArray(article.corrected_by) ? article.corrected_by : []) {
    const label = Object.hasOwn(NOTICES, notice.kind) ? NOTICES[notice.kind] : "A notice about this article";
    const said = h("q", { dir: "auto" }, notice.said || "");
    const own = notice.article_id === article.id;
    found.push(h("p", { class: "notice" }, `${label}: `, said, own ? null : " ", own ? null : articleLink(notice, "Read the notice")));
  }
  return found;
}

/** Fills root with the article; returns nothing. The mark, or else the headline, gets the focus. */
export function showArticle(root, article, hash, back) {
  const range = rangeFrom(hash);
  const text = typeof article.text === "string" ? article.text : "";
  const { nodes, missing } = bodyOf(text, range);
  const headline = h("h1", { class: "headline", dir: "auto", tabindex: "-1" }, article.title || "Untitled");
  root.replaceChildren(back, h("article", { lang: article.language || null },
    h("header", {},
      h("p", { class: "kicker" }, h("span", { class: "outlet" }, article.source || "Unknown outlet")),
      headline,
      article.author ? h("p", { class: "author", dir: "auto" }, `By ${article.author}`) : null,
      dates(article),
      outsideLink(article.url, "Read the original", { class: "original" })),
    notices(article),
    missing ? h("p", { class: "notice" }, "The quoted place is not in this version of the article.") : null,
    h("div", { class: "body", dir: "auto" }, nodes)));
  const mark = root.querySelector("mark");
  if (!mark) return headline.focus({ preventScroll: true });
  mark.tabIndex = -1;
  mark.focus({ preventScroll: true });
  mark.scrollIntoView({ block: "center" });
}

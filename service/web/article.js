// One article: its dates and where they were found, its versions and corrections, the other reports of its story, and the quoted characters
// marked, with a way from each to the next.

import { parse, timeElement } from "./dates.js";
import { articleLink, button, h, list, outsideLink, plural } from "./dom.js";

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

/** The places that are inside the text, in units of UTF-16, in their order, none overlapping another. */
function placesIn(text, ranges) {
  const found = ranges.map(({ start, end }) => [unitIndex(text, start), unitIndex(text, end)])
    .filter(([start, end]) => start >= 0 && end > start).sort(([a], [b]) => a - b);
  const apart = [];
  for (const [start, end] of found) {
    if (apart.length && start < apart.at(-1)[1]) apart.at(-1)[1] = Math.max(apart.at(-1)[1], end);
    else apart.push([start, end]);
  }
  return apart;
}

/** Paragraphs with marks in them; a place that runs over several has a mark in each. */
function bodyOf(text, places) {
  return paragraphs(text).map(([from, to]) => {
    const nodes = [];
    let at = from;
    places.forEach(([start, end], index) => {
      const [a, b] = [Math.max(from, start), Math.min(to, end)];
      if (a >= b) return;
      nodes.push(text.slice(at, a), h("mark", { "data-place": index }, text.slice(a, b)));
      at = b;
    });
    return h("p", {}, nodes, text.slice(at, to));
  });
}

/** ", UTC+02:00" where the source's zone is not UTC itself. */
const zoneOf = (zone) => (typeof zone === "string" && zone && !/^[+-]00:00$/.test(zone) ? `, UTC${zone}` : "");

function dates(article) {
  const known = Object.hasOwn(ORIGINS, article.date_origin);
  const origin = known ? ORIGINS[article.date_origin] : (article.date_origin ? `from ${article.date_origin}` : null);
  const rows = [["Published", h("span", {}, timeElement(article.published_at, { clock: true }),
    origin && parse(article.published_at) ? h("span", { class: "origin" }, ` (${origin}${zoneOf(article.zone)})`) : null)]];
  if (parse(article.updated_at)) rows.push(["Updated", timeElement(article.updated_at, { clock: true })]);
  if (parse(article.ingested_at)) rows.push(["Added to the archive", timeElement(article.ingested_at, { clock: true })]);
  const conflicts = list(article.date_conflicts);
  return [h("dl", { class: "dates" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    conflicts.length ? h("p", { class: "date-conflicts", dir: "auto" }, `Its sources disagree on its date: ${conflicts.join("; ")}.`) : null];
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

const ENDED = { current: "the one that is searched", updated: "changed later", withdrawn: "taken down" };

/** Every version with when it came and what became of it; null where there is only one. */
function versions(article) {
  const all = list(article.versions);
  if (all.length < 2) return null;
  return h("details", { class: "versions" }, h("summary", {}, plural(all.length, "version")),
    h("ul", {}, all.map(({ version, state, ingested_at: came }) => {
      const label = ["Version of ", timeElement(came, { clock: true })];
      const link = h("a", { "data-internal": true }, label);
      link.href = `/articles/${encodeURIComponent(article.id)}?version=${Number(version)}`;
      return h("li", {}, version === article.version ? h("strong", {}, label, " (shown)") : link, ` \u00b7 ${ENDED[state] ?? state}`);
    })));
}

/** What this article corrects, where it is a notice. */
function corrects(article) {
  return list(article.corrects).filter(({ about }) => about && about !== article.id).map((notice) =>
    h("p", { class: "notice" }, notice.kind === "retraction" ? "This is a retraction of " : "This is a correction of ",
      articleLink({ article_id: notice.about }, "an article"), "."));
}

/** The other articles that print the story. */
function story(article) {
  const others = list(article.story);
  if (!others.length) return null;
  return h("section", { class: "story" }, h("h2", {}, `Also printed by ${plural(others.length, "outlet")}`),
    h("ul", {}, others.map((other) => h("li", {}, articleLink({ article_id: other.id }, other.title || "Untitled", { dir: "auto" }),
      h("span", { class: "from" }, other.source || "Unknown outlet", ", ", timeElement(other.published_at, { short: true }))))));
}

/** The way from one quote to the next. Returns {node, step(by)}; node is null for fewer than two. */
function stepper(root, count, first) {
  let at = first;
  const where = h("span", { role: "status" });
  const show = (index, { focus = true } = {}) => {
    at = (index + count) % count;
    where.textContent = `Quote ${at + 1} of ${count}`;
    for (const mark of root.querySelectorAll("mark")) mark.classList.toggle("current", mark.dataset.place === String(at));
    const mark = root.querySelector(`mark[data-place="${at}"]`);
    mark.tabIndex = -1;
    if (focus) mark.focus({ preventScroll: true });
    mark.scrollIntoView({ block: "center" });
  };
  const node = count > 1 ? h("nav", { class: "stepper", "aria-label": "Quotes in this article" },
    button("\u2190", () => show(at - 1), { "aria-label": "The quote before" }), where,
    button("\u2192", () => show(at + 1), { "aria-label": "The next quote" })) : null;
  const walk = (by) => {
    show(at + by);
    return true;
  };
  return { node, show, step: walk };
}

/**
 * Fills root with the article. The quote that the address names is marked and gets the focus, else the headline; `cited` are the other
 * places that an answer quotes. Returns a function that goes a quote on or back, or null where none is marked.
 */
export function showArticle(root, article, { hash, cited = [], back }) {
  const range = rangeFrom(hash);
  const text = typeof article.text === "string" ? article.text : "";
  const wanted = cited.map(([start, end]) => ({ start, end }));
  if (range && !wanted.some(({ start, end }) => start === range.start && end === range.end)) wanted.push(range);
  const places = placesIn(text, wanted);
  const named = range ? unitIndex(text, range.start) : -1;
  const missing = Boolean(range) && (named < 0 || unitIndex(text, range.end) < 0);
  const headline = h("h1", { class: "headline", dir: "auto", tabindex: "-1" }, article.title || "Untitled");
  root.replaceChildren(back, h("article", { lang: article.language || null },
    h("header", {},
      h("p", { class: "kicker" }, h("span", { class: "outlet" }, article.source || "Unknown outlet")),
      headline,
      article.author ? h("p", { class: "author", dir: "auto" }, `By ${article.author}`) : null,
      dates(article),
      outsideLink(article.url, "Read the original", { class: "original" }),
      versions(article)),
    notices(article),
    corrects(article),
    missing ? h("p", { class: "notice" }, "The quoted place is not in this version of the article.") : null,
    h("div", { class: "body", dir: "auto" }, bodyOf(text, places)),
    story(article)));
  if (!places.length || missing) {
    headline.focus({ preventScroll: true });
    if (!places.length) return null;
  }
  const first = Math.max(0, places.findIndex(([start, end]) => start <= named && named < end));
  const { node, show, step } = stepper(root, places.length, first);
  if (node) root.append(node);
  if (!missing) show(first);
  return step;
}

// A citation in its four shapes: the small number, the card it opens, the line in the list of sources, a passage.

import { ageText, dayText, timeElement } from "./dates.js";
import { articleLink, h, outsideLink, plural } from "./dom.js";

const OPEN_DELAY_MS = 120;
const CLOSE_DELAY_MS = 280;

let open = null; // {card, button, pinned}
let timer = null;
let silent = false; // focus returns to a button whose card was just closed
let serial = 0;

function outlet(citation) {
  return citation.source || "Unknown outlet";
}

/** "7 April 2025 \u00b7 19 months before the question" */
export function dateLine(citation) {
  const age = dayText(citation.published_at) ? ageText(citation.age_days) : null;
  return h("span", { class: "when" }, timeElement(citation.published_at), age ? ` \u00b7 ${age}` : null);
}

/** The quote among the words that stand around it. */
function quoteOf({ quote, before, after }) {
  return h("span", { class: "quoting", dir: "auto" }, before ? h("span", { class: "around" }, `${before} `) : null,
    h("q", { class: "quote" }, quote ?? ""), after ? h("span", { class: "around" }, ` ${after}`) : null);
}

const SINCE = {
  removed: "This article has been removed from the archive since.",
  changed: "This article has been changed since; the quote is no longer in its place.",
  updated: "This article has been updated since; the quote still stands.",
};

/** What has become of the article since an answer of some time ago; null where nothing has. */
function changed(since) {
  return Object.hasOwn(SINCE, since ?? "") ? h("span", { class: "since" }, SINCE[since]) : null;
}

const readLink = (citation) => (citation.since === "removed" ? null : articleLink(citation, "Read in the article"));

/** "also in 3 outlets", which opens to their articles; null where no other outlet printed the story. */
function alsoIn({ also_in: others }) {
  if (!others?.length) return null;
  return h("details", { class: "also" }, h("summary", {}, `also in ${plural(others.length, "outlet")}`),
    h("ul", {}, others.map((other) => h("li", {}, articleLink(other, other.source), ", ",
      timeElement(other.published_at, { short: true })))));
}

/** The superscript numbers after a sentence. lookup(marker) gives the citation or undefined. */
export function markers(numbers, lookup) {
  return h("span", { class: "cites" }, numbers.map((number) => {
    const citation = lookup(number);
    if (!citation) return null;
    const date = dayText(citation.published_at) ?? "date unknown";
    const button = h("button", {
      type: "button", class: "cite", "aria-expanded": "false",
      "aria-label": `Citation ${number}: ${outlet(citation)}, ${date}`,
    }, `[${number}]`);
    // Looked up again when it is shown: the final answer knows more of a citation (its age) than the stream did.
    const show = () => showCard(button, lookup(number) ?? citation);
    button.addEventListener("focus", () => { if (!silent) show(); });
    button.addEventListener("click", () => {
      if (open?.button === button && open.pinned) return closeCard();
      show();
      open.pinned = true;
    });
    button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") later(show, OPEN_DELAY_MS); });
    button.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") later(hoverEnded, CLOSE_DELAY_MS); });
    button.addEventListener("focusout", focusLeft);
    return button;
  }));
}

function later(action, delay) {
  clearTimeout(timer);
  timer = setTimeout(action, delay);
}

function hoverEnded() {
  if (open && !open.pinned && !open.card.contains(document.activeElement) && document.activeElement !== open.button) closeCard();
}

function focusLeft(event) {
  if (!open || open.button === event.relatedTarget || open.card.contains(event.relatedTarget)) return;
  if (event.relatedTarget) closeCard();
}

function showCard(button, citation) {
  clearTimeout(timer);
  if (open?.button === button) return;
  closeCard();
  const id = `card-${++serial}`;
  const card = h("span", { class: "card", id, role: "group", "aria-label": `Source ${citation.marker}` },
    h("span", { class: "card-head" }, h("span", { class: "outlet" }, outlet(citation)), dateLine(citation)),
    h("span", { class: "headline", dir: "auto" }, citation.title || "Untitled"),
    quoteOf(citation),
    changed(citation.since),
    h("span", { class: "card-foot" }, readLink(citation), outsideLink(citation.url, "Original")),
    alsoIn(citation));
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") later(hoverEnded, CLOSE_DELAY_MS); });
  card.addEventListener("focusout", focusLeft);
  button.after(card);
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-controls", id);
  open = { card, button, pinned: false };
  place(card, button);
}

// Below the number and inside the column; above it when there is no room below.
function place(card, button) {
  const frame = card.offsetParent?.getBoundingClientRect();
  if (!frame) return;
  const at = button.getBoundingClientRect();
  const left = Math.min(Math.max(at.left - frame.left - 24, 0), Math.max(frame.width - card.offsetWidth, 0));
  const above = at.bottom + card.offsetHeight + 12 > innerHeight && at.top > card.offsetHeight + 12;
  const top = above ? at.top - frame.top - card.offsetHeight - 6 : at.bottom - frame.top + 11;
  card.style.left = `${left}px`;
  card.style.top = `${top}px`;
}

/** The citation after or before the one that has the focus, of those inside root; from elsewhere, the first or the last. True if there is one. */
export function step(root, by) {
  const all = [...root.querySelectorAll(".cite")];
  if (!all.length) return false;
  const here = all.indexOf(document.activeElement.closest(".card")?.previousElementSibling ?? document.activeElement);
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : (here + by + all.length) % all.length;
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
  return true;
}

/** Closes the open card; true when there was one. With refocus, focus goes back to its number. */
export function closeCard({ refocus = false } = {}) {
  clearTimeout(timer);
  if (!open) return false;
  const { card, button } = open;
  open = null;
  const inside = card.contains(document.activeElement);
  silent = true;
  if (refocus && inside) button.focus();
  silent = false;
  card.remove();
  button.setAttribute("aria-expanded", "false");
  button.removeAttribute("aria-controls");
  return true;
}

document.addEventListener("pointerdown", (event) => {
  if (open && !open.card.contains(event.target) && !open.button.contains(event.target)) closeCard();
});

/** One entry of a list of sources or of closest passages. */
export function entry(citation, { numbered = true } = {}) {
  return h("li", { class: "entry" },
    numbered ? h("span", { class: "number", "aria-hidden": "true" }, `${citation.marker}`) : null,
    h("div", { class: "entry-body" },
      h("p", { class: "entry-head" }, h("span", { class: "outlet" }, outlet(citation)), dateLine(citation)),
      h("h4", { class: "headline", dir: "auto" }, citation.title || "Untitled"),
      h("blockquote", { class: "quote", dir: "auto" }, citation.quote ?? ""),
      changed(citation.since),
      h("p", { class: "entry-foot" }, readLink(citation),
        outsideLink(citation.url, "Original", { class: "original" })),
      alsoIn(citation)));
}

/** "Outlet, 7 Apr 2025" for a position in a conflict or a quoted sentence. */
export function byline(citation) {
  return h("span", { class: "byline" }, h("span", { class: "outlet" }, outlet(citation)), ", ",
    timeElement(citation.published_at, { short: true }));
}

// An answer of some time ago, as the archive keeps it: what it was asked with, and what has become of its sources.

import { lastDay, timeElement } from "./dates.js";
import { h, list, plural } from "./dom.js";

/** What was asked for a kept answer: to be asked again it must stand alone, and as of the same day where that was another one. */
export function requestOf({ standalone_question: standalone, question, answer: kept }) {
  const { published_from: from, published_to: to, sources } = kept?.filters ?? {};
  const asOf = kept?.given_at && Math.abs(Date.parse(kept.given_at) - Date.parse(kept.asked_at)) > 60_000;
  return {
    question: standalone || question, asked: question, day: asOf ? kept.asked_at.slice(0, 10) : "", from: from?.slice(0, 10) ?? "",
    to: to ? lastDay(to) : "", sources: list(sources), window: kept?.window?.applied ?? true, conversation: null,
  };
}

/** One turn as it was given, with what has become of its sources since. */
export function showTurn(slots, turn, view) {
  if (turn.answer) view.showFinal(turn.answer);
  else slots.tail.replaceChildren(h("p", { dir: "auto" }, turn.text));
  const changed = Object.keys(turn.since ?? {}).length;
  const heading = slots.answer.querySelector("h2");
  heading.className = "shown";
  heading.after(h("p", { class: "kept" }, "Shown as it was answered, ", timeElement(turn.answer?.given_at ?? turn.asked_at, { clock: true }), ".",
    changed ? ` ${plural(changed, "source has", "sources have")} changed since.` : null));
}

/** A link to all that was said before. */
export function wayToConversation(id) {
  const link = h("a", { "data-internal": true }, "\u2190 The conversation so far");
  link.href = `/conversations/${encodeURIComponent(id)}`;
  return h("p", { class: "earlier" }, link);
}

// The status line under the growing answer, and what the footer says of the service.

import { readiness } from "./api.js";
import { byId, plural } from "./dom.js";

/** busy shows the pulse and Stop; spoken is text for screen readers only. */
export function status(text, { busy = false, spoken = "" } = {}) {
  const stop = byId("stop");
  const hadFocus = document.activeElement === stop;
  byId("progress").classList.toggle("busy", busy);
  byId("progress").classList.toggle("aside", !text);
  byId("status").textContent = text ?? spoken;
  byId("answer").setAttribute("aria-busy", String(busy));
  stop.hidden = !busy;
  if (hadFocus && !busy) byId("question").focus();
}

/** Names the generator; while a model is not ready, says so and looks again. */
export async function showReadiness() {
  const generator = (await readiness())?.generator;
  const name = typeof generator === "string" ? generator : generator?.name;
  const loading = generator?.ready === false || ["loading", "starting"].includes(generator?.state);
  byId("generator").textContent = typeof name === "string" ? name : "";
  byId("loading-model").textContent = loading
    ? "The language model is being loaded. The first answer waits for it." : "";
  if (loading) setTimeout(showReadiness, 5000);
}

/** An answer that has come, in words for whoever does not see it. */
export function spoken({ status: verdict, sentences, citations }) {
  if (verdict === "insufficient_evidence") return "The archive does not say.";
  if (verdict === "outside_coverage") return "The archive has nothing from that time.";
  return `Answer ready: ${plural(sentences?.length ?? 0, "sentence")}, ${plural(citations?.length ?? 0, "citation")}.`;
}

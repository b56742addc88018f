// The status line under the growing answer, and what the footer says of the service.

import { readiness } from "./api.js";
import { byId } from "./dom.js";

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

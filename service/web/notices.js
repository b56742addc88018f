// What the page says when something is missing: a key, the service, articles, the end of an answer.

import { useKey } from "./api.js";
import { byId, h } from "./dom.js";

let serial = 0;

function notice(title, paragraphs, ...rest) {
  return h("section", { class: "notice", role: "alert" }, h("h2", {}, title),
    paragraphs.filter(Boolean).map((text) => h("p", {}, text)), rest);
}

function retryButton(retry, label = "Try again") {
  return h("button", { type: "button", class: "secondary retry", on: { click: retry } }, label);
}

/** A retry button that counts down what Retry-After asked for. */
function waitingButton(seconds, retry) {
  const button = retryButton(retry);
  if (!seconds) return button;
  let left = seconds;
  button.disabled = true;
  const tick = () => {
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    button.disabled = left > 0;
    if (left-- > 0 && (left === seconds - 1 || button.isConnected)) setTimeout(tick, 1000);
  };
  tick();
  return button;
}

function keyForm(retry, reach) {
  const id = `api-key-${++serial}`;
  const input = h("input", { type: "password", id, autocomplete: "off", required: true, spellcheck: "false" });
  const said = h("p", { role: "status" });
  const form = h("form", { class: "key-form" },
    h("label", { for: id }, "API key"), input, h("button", { type: "submit", class: "secondary" }, "Use this key"), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await useKey(input.value.trim());
    } catch (error) {
      const unknown = error instanceof RangeError || error.status === 401;
      said.textContent = unknown ? "The service does not know this key." : "The key could not be tried. Please try again.";
      return input.focus();
    }
    byId("forget-key").hidden = false;
    byId("main").focus({ preventScroll: true });
    retry();
  });
  return reach
    ? notice("This needs a key of scope admin", ["The key in use may ask, and change nothing. Another takes its place in this tab."], form)
    : notice("An API key is needed", ["This service answers only to those who hold a key. It is kept in this tab until you close it."], form);
}

/** "no such outlet" as a sentence. */
export function asSentence(text) {
  if (!text) return null;
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?\u2026]$/.test(begun) ? begun : `${begun}.`;
}

/** The face of a Problem. kept: how many checked sentences stay on the page. */
export function problemNotice(problem, { retry, kept = 0 }) {
  const { kind, status, title, retryAfter } = problem;
  const detail = asSentence(problem.detail);
  const sentences = kept ? "The sentences above were checked and stay; the rest of the answer is missing." : null;
  if (kind === "unreachable") {
    const [what, why] = navigator.onLine
      ? ["The service cannot be reached", "No answer came from the server. It may be stopped or restarting."]
      : ["You are offline", "What is on the page stays. Ask again once there is a connection."];
    return notice(what, [why], retryButton(retry));
  }
  if (kind === "broken") {
    return notice(kept ? "The answer broke off" : "The connection broke",
      [sentences ?? "It broke before a sentence had been checked."], retryButton(retry, "Ask again"));
  }
  if (kind === "fault") {
    return notice("This page ran into a fault of its own", ["What is in the archive is untouched."], retryButton(retry));
  }
  if (kind === "stream") {
    return notice(title ?? "The answer broke off", [detail, sentences], retryButton(retry, "Ask again"));
  }
  if (status === 401 || status === 403) return keyForm(retry, status === 403);
  if (status === 429) {
    return notice("Too many questions at once", [detail ?? "Please wait a moment."], waitingButton(retryAfter, retry));
  }
  if (status === 503) {
    return notice(title ?? "The service cannot answer just now",
      [detail ?? "Please wait a moment."], waitingButton(retryAfter, retry));
  }
  if (status === 404) return notice("Not in the archive", [detail ?? "There is no article with this address."]);
  if (status === 422) return notice(title ?? "That cannot be asked", [detail]);
  return notice(title ?? "The service could not answer",
    [detail ?? (status ? `It returned HTTP ${status}.` : null)], retryButton(retry));
}

export function emptyArchive() {
  return h("section", { class: "notice empty" }, h("h2", {}, "The archive is empty"),
    h("p", {}, "Add articles, and the page will answer from them. Text, Markdown and JSON files, and folders of them, all work:"),
    h("pre", { tabindex: "0" }, h("code", {}, "dateline ingest path/to/articles")),
    h("p", {}, "Or send them to ", h("code", {}, "POST /v1/articles"), "."));
}

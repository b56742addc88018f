// What the page says when something is missing: a key, the service, articles, the end of an answer.

import { saveKey } from "./api.js";
import { h } from "./dom.js";

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

function keyForm(retry, refused) {
  const input = h("input", { type: "password", id: "api-key", autocomplete: "off", required: true, spellcheck: "false" });
  const form = h("form", { class: "key-form" },
    h("label", { for: "api-key" }, "API key"), input,
    h("button", { type: "submit", class: "secondary" }, "Use this key"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    saveKey(input.value.trim());
    retry();
  });
  return notice(refused ? "This key may not do that" : "An API key is needed",
    ["This service answers only to those who hold a key. It is kept in this tab until you close it."], form);
}

/** "no such outlet" as a sentence. */
function sentence(text) {
  if (!text) return null;
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?\u2026]$/.test(begun) ? begun : `${begun}.`;
}

/** The face of a Problem. kept: how many checked sentences stay on the page. */
export function problemNotice(problem, { retry, kept = 0 }) {
  const { kind, status, title, retryAfter } = problem;
  const detail = sentence(problem.detail);
  const sentences = kept ? "The sentences above were checked and stay; the rest of the answer is missing." : null;
  if (kind === "unreachable") {
    return notice("The service cannot be reached",
      ["No answer came from the server. It may be stopped or restarting."], retryButton(retry));
  }
  if (kind === "broken") {
    return notice(kept ? "The answer broke off" : "The connection broke",
      [sentences ?? "It broke before a sentence had been checked."], retryButton(retry, "Ask again"));
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
  return notice(title ?? "The service could not answer",
    [detail ?? (status ? `It returned HTTP ${status}.` : null)], retryButton(retry));
}

export function emptyArchive() {
  return h("section", { class: "notice empty" }, h("h2", {}, "The archive is empty"),
    h("p", {}, "Add articles, and the page will answer from them. Text, Markdown and JSON files, and folders of them, all work:"),
    h("pre", { tabindex: "0" }, h("code", {}, "dateline ingest path/to/articles")),
    h("p", {}, "Or send them to ", h("code", {}, "POST /v1/articles"), "."));
}

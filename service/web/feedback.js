// Whether an answer, or one sentence of it, is right: two buttons, and for a wrong one what is wrong with it.

import { Problem, postJson } from "./api.js";
import { button, h } from "./dom.js";

const REASONS = ["wrong fact", "wrong date", "out of date", "not what was asked", "something is missing", "the source does not say it"];
const judged = new Map(); // what was said here since the page was opened, by answer and sentence
let serial = 0;

/** A group of buttons for an answer's id; `sentence` is counted from 0, or null for the whole. given: what was said before. */
export function feedback(answerId, { sentence = null, given = null } = {}) {
  const what = sentence === null ? "this answer" : "this sentence";
  const said = h("span", { class: "said", role: "status" });
  const right = button("Right", () => send("up"), { "aria-pressed": "false", "aria-label": `${capital(what)} is right` });
  const wrong = button("Wrong", () => toggle(), { "aria-pressed": "false", "aria-expanded": "false", "aria-label": `${capital(what)} is wrong` });
  const place = h("div", { class: "reasons-place" });
  const group = h("div", { class: "feedback", role: "group", "aria-label": `Judge ${what}` },
    h("span", { class: "ask" }, sentence === null ? "Is this answer right?" : "Is this sentence right?"), right, wrong, said, place);
  const key = `${answerId} ${sentence}`;
  press(judged.get(key) ?? given);

  function press(verdict) {
    right.setAttribute("aria-pressed", String(verdict === "up"));
    wrong.setAttribute("aria-pressed", String(verdict === "down"));
  }

  function toggle() {
    if (place.childElementCount) return close();
    const id = `why-${++serial}`;
    const choices = REASONS.map((reason, index) => h("label", {},
      h("input", { type: "radio", name: id, value: reason, checked: index === 0 }), reason));
    const comment = h("textarea", { id, rows: "2", maxlength: "2000", dir: "auto" });
    const form = h("form", { class: "reasons" }, h("fieldset", {}, h("legend", {}, "What is wrong?"), choices),
      h("label", { for: id }, "What would be right? (optional)"), comment,
      h("p", {}, h("button", { type: "submit", class: "secondary" }, "Send"), button("Cancel", () => close({ refocus: true }))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send("down", form.querySelector("input:checked")?.value, comment.value.trim());
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close({ refocus: true });
    });
    place.replaceChildren(form);
    wrong.setAttribute("aria-expanded", "true");
    form.querySelector("input").focus();
  }

  function close({ refocus = false } = {}) {
    place.replaceChildren();
    wrong.setAttribute("aria-expanded", "false");
    if (refocus) wrong.focus();
  }

  async function send(verdict, reason = null, comment = "") {
    if (right.disabled || (verdict === "up" && right.getAttribute("aria-pressed") === "true")) return;
    said.textContent = "";
    right.disabled = true;
    try {
      await postJson("/v1/feedback", { answer_id: answerId, verdict, reason, comment: comment || null, sentence });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      said.textContent = error.status === 404 ? "This answer was deleted; there is nothing to judge." : "It could not be kept. Please try again.";
      return;
    } finally {
      right.disabled = false;
    }
    judged.set(key, verdict);
    const inside = place.contains(document.activeElement);
    press(verdict);
    close();
    if (inside) wrong.focus();
    said.textContent = "Thank you: it is kept beside the answer.";
  }

  return group;
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);

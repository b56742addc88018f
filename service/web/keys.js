// What the keyboard does, and the dialog that says so. Keys of one character can be switched off (WCAG 2.2, 2.1.4).

import { byId, h } from "./dom.js";

const OFF = "dateline-single-keys-off";
const KEYS = [
  ["/", "Ask a question"],
  ["Enter", "Ask; with Shift, a new line"],
  ["\u2190 \u2192", "From citation to citation; in an article, from quote to quote"],
  ["Esc", "Close what is open, or stop the answer"],
  ["h", "History of conversations"],
  ["?", "This list"],
];

export const singleKeys = () => localStorage.getItem(OFF) === null;

/** Opens the list of keys. */
export function showKeys() {
  const box = h("input", { type: "checkbox", checked: singleKeys() });
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  const dialog = h("dialog", { class: "keys", "aria-labelledby": "keys-title" }, h("h2", { id: "keys-title" }, "Keys"),
    h("dl", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)))),
    h("label", { class: "check" }, box, "Use keys of a single character"),
    h("button", { type: "button", class: "secondary", on: { click: () => dialog.close() } }, "Close"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Whether a key that was pressed is free to be a command: not typed into a field, not with Ctrl, Alt or Meta, and nothing modal open. */
export function isFree(event) {
  const taken = event.key.startsWith("Arrow") ? "input, textarea, select, pre, .scroll" : "input, textarea, select";
  return !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !document.querySelector("dialog[open]")
    && !event.target.closest?.(taken);
}

byId("keys")?.addEventListener("click", showKeys);

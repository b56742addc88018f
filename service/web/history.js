// The conversations in a side panel: found by their words, opened, renamed, taken along, deleted.

import { asProblem, getJson, postJson, Problem, remove } from "./api.js";
import { timeElement } from "./dates.js";
import { button, h, list, plural } from "./dom.js";
import { problemNotice } from "./notices.js";
import { asMarkdown, download, escaped } from "./share.js";

const PAUSE_MS = 200; // between the last key and the search

/** Opens the panel. open(path) shows a conversation; changed(id, gone) is told of one that was renamed or deleted. */
export function showHistory(open, changed) {
  const entries = h("ul", { class: "conversations" });
  const more = h("div", { class: "more" });
  const said = h("p", { class: "said", role: "status" });
  const field = h("input", { type: "search", id: "history-search", autocomplete: "off", maxlength: "200", dir: "auto" });
  const dialog = h("dialog", { class: "panel", "aria-labelledby": "history-title" },
    h("header", {}, h("h2", { id: "history-title" }, "Conversations"),
      button("\u00d7", () => dialog.close(), { class: "quiet close", "aria-label": "Close" })),
    h("label", { class: "sr-only", for: "history-search" }, "Search in conversations"), field, said, entries, more);
  field.placeholder = "Search in conversations";
  let turn = 0;
  let timer = null;

  async function load(cursor = null) {
    const mine = ++turn;
    const query = new URLSearchParams({ limit: "30" });
    if (field.value.trim()) query.set("q", field.value.trim());
    if (cursor) query.set("cursor", cursor);
    try {
      const page = await getJson(`/v1/conversations?${query}`);
      if (mine !== turn) return;
      const rows = list(page.conversations).map(row);
      if (cursor) entries.append(...rows);
      else entries.replaceChildren(...rows);
      if (cursor) rows[0]?.querySelector("a").focus();
      said.textContent = entries.childElementCount ? "" : field.value.trim() ? "No conversation has all of these words." : "Nothing was asked here yet.";
      more.replaceChildren(...(page.next ? [button("Show older ones", () => load(page.next))] : []));
    } catch (error) {
      if (mine !== turn) return;
      more.replaceChildren(problemNotice(asProblem(error), { retry: () => load() }));
    }
  }

  function row(conversation) {
    const name = () => conversation.title || conversation.question;
    const path = `/conversations/${encodeURIComponent(conversation.id)}`;
    const link = h("a", { dir: "auto" }, name());
    link.href = path;
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      dialog.close();
      open(path);
    });
    const tools = h("span", { class: "tools" }, button("Rename", () => rename()), button("Export", () => take(conversation, name(), said)),
      button("Delete", () => confirm()));
    const label = () => {
      link.textContent = name();
      ["Rename \u201c%\u201d", "Export \u201c%\u201d as Markdown", "Delete \u201c%\u201d"].forEach((words, index) =>
        tools.children[index].setAttribute("aria-label", words.replace("%", () => name())));
    };
    label();
    const place = h("div", {});
    const item = h("li", {}, link, h("span", { class: "from" }, timeElement(conversation.last_asked_at, { short: true, clock: true }),
      ` \u00b7 ${plural(conversation.turns, "question")}`), tools, place);

    function rename() {
      const input = h("input", { type: "text", maxlength: "200", "aria-label": "Name", dir: "auto", value: name() });
      const form = h("form", { class: "rename" }, input, h("button", { type: "submit", class: "secondary" }, "Save"), button("Cancel", back));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        doing(async () => {
          await postJson(`/v1${path}`, { title: input.value.trim() || null }, { method: "PATCH" });
          conversation.title = input.value.trim() || null;
          label();
          back();
          changed(conversation.id, false);
        });
      });
      escapes(form);
      place.replaceChildren(form);
      input.focus();
      input.select();
    }

    function confirm() {
      const yes = button("Delete", () => doing(async () => {
        await remove(`/v1${path}`);
        const next = item.nextElementSibling ?? item.previousElementSibling;
        item.remove();
        said.textContent = "Deleted, with its answers and what was said of them.";
        (next?.querySelector("a") ?? field).focus();
        changed(conversation.id, true);
      }), { class: "secondary" });
      const form = h("div", { class: "confirm", role: "group", "aria-label": "Delete for good?" }, h("span", {}, "Delete for good?"), yes,
        button("Keep", back));
      escapes(form);
      place.replaceChildren(form);
      yes.focus();
    }

    function escapes(form) {
      form.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // the panel stays
        back();
      });
    }

    function back() {
      place.replaceChildren();
      tools.querySelector("button").focus();
    }

    return item;
  }

  async function doing(action) {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      said.textContent = error.status === 404 ? "It is not there any more." : "That did not work. Please try again.";
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE_MS);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // the backdrop
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.focus();
  load();
}

/** Every turn of a conversation, named as in an address, the oldest first. */
export async function turnsOf(id, { signal } = {}) {
  const turns = [];
  let page = { next: "0" };
  while (page.next) {
    page = await getJson(`/v1/conversations/${id}?cursor=${encodeURIComponent(page.next)}&limit=100`, { signal });
    turns.push(...list(page.turns));
  }
  return { title: page.title, turns };
}

async function take(conversation, name, said) {
  try {
    const { turns } = await turnsOf(encodeURIComponent(conversation.id));
    const parts = turns.map((turn) => (turn.answer ? asMarkdown(turn.answer) : `**${escaped(turn.question)}**\n\n${escaped(turn.text)}\n`));
    download(`dateline-${conversation.id}.md`, `# ${escaped(name)}\n\n${parts.join("\n---\n\n")}`, "text/markdown");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    said.textContent = "It could not be exported. Please try again.";
  }
}

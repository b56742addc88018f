// The page: which view an address shows, and one question at a time.

import { AnswerView } from "./answer.js";
import { asProblem, ask, getJson, hasKey, useKey } from "./api.js";
import { closeCard, step } from "./citations.js";
import { endOfDay, lastDay, nextDay, timeElement } from "./dates.js";
import { Desk, pathOf, requestFrom } from "./desk.js";
import { button, byId, h, list, plural } from "./dom.js";
import { isFree, showKeys, singleKeys } from "./keys.js";
import { emptyArchive, problemNotice } from "./notices.js";
import { showReadiness, status } from "./status.js";

const finished = new Map(); // history key -> {request, answer}: going back shows an answer, it does not ask again
const REMEMBERED = 50; // of those
let asking = null; // AbortController of the question being answered
let loading = null; // AbortController of what another view loads
let shown = null; // history key of what is on the desk
let views = []; // the answers on the desk
let quotes = null; // goes from quote to quote in the article that is open
let deskTitle = "Dateline";
let marked = []; // the evidence of every answer on the desk
let lastFocus = null;
let coverage = null;

const desk = new Desk(go);
const DESK_SLOTS = { answer: byId("answer"), reading: byId("reading"), tail: byId("tail") };

// ---- Addresses

function newKey() {
  return `${Date.now()}-${Math.random()}`;
}

/** Asks, with an address of its own. */
function go(request) {
  const key = newKey();
  history.pushState({ key, conversation: request.conversation }, "", pathOf(request));
  route();
}

/** Goes to a path of this page. */
function visit(path) {
  history.pushState({ key: newKey() }, "", path);
  route();
  scrollTo(0, 0);
  if (!byId("desk").hidden) desk.field.focus({ preventScroll: true });
}

/** Names what is on the desk, in the window's title too. */
function entitle(words) {
  deskTitle = words ? `${words} \u2014 Dateline` : "Dateline";
  document.title = deskTitle;
}

/** Shows what the address says. */
function route() {
  closeCard();
  loading?.abort();
  quotes = null;
  const [, place, name] = /^\/(articles|answers|conversations|archive)(?:\/(.+))?$/.exec(location.pathname) ?? [];
  const reads = place === "articles" || place === "archive";
  document.body.classList.toggle("reading-article", reads);
  byId("desk").hidden = reads;
  byId("reader").hidden = !reads;
  if (!history.state?.key) history.replaceState({ ...history.state, key: newKey() }, "");
  if (reads) return openReader(place, name);
  const { key, conversation = null } = history.state;
  showDesk(key, { ...requestFrom(location.search), conversation }, place, name);
}

function showDesk(key, request, place, name) {
  document.body.classList.toggle("asked", Boolean(request.question || place));
  showExamples();
  if (shown === key) {
    document.title = deskTitle;
    if (lastFocus?.isConnected) lastFocus.focus({ preventScroll: true });
    return;
  }
  asking?.abort();
  asking = null;
  shown = key;
  desk.follow(null);
  clear();
  const done = finished.get(key);
  request = done?.request ?? request;
  desk.fill(request);
  entitle(request.question);
  if (done) {
    showWay(request);
    return viewOf(DESK_SLOTS, request).showFinal(done.answer);
  }
  if (place === "answers") return openDesk((signal) => getJson(`/v1/answers/${name}`, { signal }), showKept);
  if (place === "conversations") return openConversation(name);
  if (!request.question) return showEmpty();
  showWay(request);
  answer(request, key);
}

function showWay({ conversation }) {
  if (conversation) byId("earlier").replaceChildren(wayToConversation(conversation));
}

function clear() {
  status(null);
  views = [];
  mark([]);
  for (const id of ["earlier", "answer", "reading", "notices", "tail"]) byId(id).replaceChildren();
}

function mark(evidence) {
  marked = evidence;
  desk.timeline.mark(marked);
}

function wayToConversation(id) {
  const link = h("a", { "data-internal": true }, "\u2190 The conversation so far");
  link.href = `/conversations/${encodeURIComponent(id)}`;
  return h("p", { class: "earlier" }, link);
}

// ---- One question

function viewOf(slots, request, kept = null) {
  const view = new AnswerView(slots, request, {
    judged: true,
    withoutWindow: () => go({ ...request, window: false }),
    without: (filter) => go({ ...request, ...filter }),
    again: () => {
      go({ ...request });
      byId("stop").focus();
    },
    marked: (evidence) => mark(kept ? [...marked, ...evidence] : evidence),
    followUp: (previous) => {
      follow(previous.conversation_id, previous.standalone_question || previous.question);
      scrollTo(0, 0);
      desk.field.focus();
    },
  }, kept);
  views.push({ view, holds: (node) => slots.answer.contains(node) || slots.tail.contains(node) });
  return view;
}

function follow(id, question) {
  desk.follow({ id, question });
  desk.field.value = "";
  desk.fit();
}

function bodyOf(request) {
  const body = { question: request.question, debug: true, filters: {} };
  if (request.day) body.asked_at = endOfDay(request.day);
  if (request.from) body.filters.published_from = request.from;
  if (request.to) body.filters.published_to = nextDay(request.to);
  if (request.sources.length) body.filters.sources = request.sources;
  if (!request.window) body.infer_window = false;
  if (request.conversation) body.conversation_id = request.conversation;
  return body;
}

async function answer(request, key) {
  const controller = new AbortController();
  asking = controller;
  views = [];
  let view = viewOf(DESK_SLOTS, request);
  byId("notices").replaceChildren();
  status("Looking through the archive\u2026", { busy: true });
  const again = () => {
    refreshCoverage();
    answer(request, key);
    byId("stop").focus();
  };
  try {
    for await (const { event, data } of ask(bodyOf(request), controller.signal)) {
      if (asking !== controller) return;
      if (event === "restart") view = viewOf(DESK_SLOTS, request);
      else show(event, data, { request, key, view });
    }
  } catch (error) {
    if (asking !== controller) return;
    view.showUnfinished();
    interrupted(error, view.count, again, request);
  }
  if (asking === controller) asking = null;
}

function show(event, data, { request, key, view }) {
  if (event === "meta") view.showContext(data);
  else if (event === "sources") {
    const { sentences, articles } = view.showEvidence(data.evidence);
    status(`Reading ${plural(sentences, "sentence")} from ${plural(articles, "article")}\u2026`, { busy: true });
  } else if (event === "delta") {
    if (!view.count) status("Writing, and checking each sentence\u2026", { busy: true });
  } else if (event === "sentence") view.addSentence(data);
  else if (event === "final") {
    view.showFinal(data);
    finished.set(key, { request, answer: data });
    if (finished.size > REMEMBERED) finished.delete(finished.keys().next().value);
    // From now on the address is the answer's own: a reload shows it again and asks nothing.
    if (history.state?.key === key) history.replaceState(history.state, "", `/answers/${encodeURIComponent(data.id)}`);
    status(null, { spoken: spoken(data) });
  }
}

function interrupted(error, kept, retry, request) {
  if (error.name === "AbortError") {
    status(kept ? `Stopped. ${plural(kept, "checked sentence")} kept.` : "Stopped.");
    return byId("notices").replaceChildren(button("Ask again", retry, { class: "secondary retry" }));
  }
  status(null);
  const problem = asProblem(error);
  if (problem.status !== 404 || !request.conversation) return byId("notices").replaceChildren(problemNotice(problem, { kept, retry }));
  desk.follow(null);
  byId("notices").replaceChildren(h("section", { class: "notice", role: "alert" }, h("h2", {}, "This conversation was deleted"),
    h("p", {}, "The question can be asked without what was said before."),
    button("Ask without it", () => go({ ...request, conversation: null }), { class: "secondary" })));
}

function spoken({ status: verdict, sentences, citations }) {
  if (verdict === "insufficient_evidence") return "The archive does not say.";
  if (verdict === "outside_coverage") return "The archive has nothing from that time.";
  return `Answer ready: ${plural(sentences?.length ?? 0, "sentence")}, ${plural(citations?.length ?? 0, "citation")}.`;
}

// ---- What was asked before

/** Loads what an address names by load(signal), and shows it on the desk; a Problem takes its place. */
async function openDesk(load, display) {
  const controller = new AbortController();
  loading = controller;
  status("Opening\u2026", { busy: false });
  try {
    const found = await load(controller.signal);
    if (controller.signal.aborted) return;
    status(null);
    display(found);
  } catch (error) {
    if (controller.signal.aborted) return;
    status(null);
    shown = null;
    byId("notices").replaceChildren(problemNotice(asProblem(error), { retry: route }));
  }
}

function showKept(turn) {
  entitle(turn.question);
  desk.fill(requestOf(turn));
  byId("earlier").replaceChildren(wayToConversation(turn.conversation_id));
  showTurn(DESK_SLOTS, turn);
}

/** What was asked for a kept answer: to be asked again it must stand alone, and as of the same day where that was another one. */
function requestOf({ standalone_question: standalone, question, answer: kept }) {
  const { published_from: from, published_to: to, sources } = kept?.filters ?? {};
  const asOf = kept?.given_at && Math.abs(Date.parse(kept.given_at) - Date.parse(kept.asked_at)) > 60_000;
  return {
    question: standalone || question, asked: question, day: asOf ? kept.asked_at.slice(0, 10) : "", from: from?.slice(0, 10) ?? "",
    to: to ? lastDay(to) : "", sources: list(sources), window: kept?.window?.applied ?? true, conversation: null,
  };
}

/** One turn as it was given, with what has become of its sources since. */
function showTurn(slots, turn) {
  const view = viewOf(slots, requestOf(turn), turn);
  if (turn.answer) view.showFinal(turn.answer);
  else slots.tail.replaceChildren(h("p", { dir: "auto" }, turn.text));
  const changed = Object.keys(turn.since ?? {}).length;
  const heading = slots.answer.querySelector("h2");
  heading.className = "shown";
  heading.after(h("p", { class: "kept" }, "Shown as it was answered, ", timeElement(turn.answer?.given_at ?? turn.asked_at, { clock: true }), ".",
    changed ? ` ${plural(changed, "source has", "sources have")} changed since.` : null));
}

function openConversation(name) {
  return openDesk(async (signal) => (await import("./history.js")).turnsOf(name, { signal }), ({ title, turns }) => {
    const last = turns.at(-1);
    entitle(title || turns[0]?.question || "Conversation");
    byId("earlier").replaceChildren(h("h1", { class: "conversation-title", tabindex: "-1", dir: "auto" },
      title || ["Conversation of ", timeElement(turns[0]?.asked_at)]),
      ...turns.map((turn) => {
        const slots = { answer: h("div", {}), reading: h("div", {}), tail: h("div", {}) };
        showTurn(slots, turn);
        return h("section", { class: "answer turn", "aria-label": turn.question }, slots.answer, slots.tail);
      }));
    if (last) follow(last.conversation_id, last.standalone_question || last.question);
    byId("earlier").querySelector("h1").focus({ preventScroll: true });
  });
}

// ---- One article, and the archive

async function openReader(place, name) {
  const controller = new AbortController();
  const { signal } = controller;
  loading = controller;
  const reader = byId("reader");
  reader.replaceChildren(h("p", { class: "loading", role: "status" }, place === "archive" ? "Opening the archive\u2026" : "Opening the article\u2026"));
  const back = h("a", { class: "back", "data-back": true },
    history.state?.fromDesk ? "\u2190 Back to the answer" : history.state?.inward ? "\u2190 Back" : "\u2190 Ask the archive");
  back.href = "/";
  try {
    if (place === "archive") {
      document.title = "The archive \u2014 Dateline";
      const { showArchive } = await import("./archive.js");
      return await showArchive(reader, { signal, ask: (filters) => visit(pathOf(filters)), changed: refreshCoverage });
    }
    const version = /^\d{1,15}$/.exec(new URLSearchParams(location.search).get("version") ?? "");
    const asCited = version ? `?version=${version[0]}` : "";
    const [{ showArticle }, article] = await Promise.all([import("./article.js"), getJson(`/v1/articles/${name}${asCited}`, { signal })]);
    if (signal.aborted) return;
    document.title = `${article.title || "Article"} \u2014 Dateline`;
    quotes = showArticle(reader, article, { hash: location.hash, cited: history.state?.cited, back });
  } catch (error) {
    if (signal.aborted) return;
    document.title = "Dateline";
    reader.replaceChildren(back, problemNotice(asProblem(error), { retry: route }));
    back.focus();
  }
}

async function refreshCoverage() {
  const free = () => !asking && !byId("desk").hidden && !byId("notices").childElementCount;
  try {
    coverage = await getJson("/v1/coverage");
    desk.showCoverage(coverage);
    showExamples();
    showEmpty();
  } catch (error) {
    if (!free()) return;
    const retry = () => {
      byId("notices").replaceChildren();
      refreshCoverage();
    };
    byId("notices").replaceChildren(problemNotice(error, { retry }));
  }
}

function showExamples() {
  byId("examples").hidden = document.body.classList.contains("asked") || !desk.hasExamples;
}

function showEmpty() {
  if (coverage?.articles) byId("notices").querySelector(".empty")?.remove();
  else if (coverage && !byId("notices").childElementCount) byId("notices").replaceChildren(emptyArchive());
}

async function openHistory() {
  const here = (id) => location.pathname === `/conversations/${encodeURIComponent(id)}`;
  (await import("./history.js")).showHistory(visit, (id, gone) => {
    if (gone && (here(id) || desk.followed?.id === id || views.some(({ view }) => view.conversation === id))) visit("/");
    else if (!gone && here(id)) {
      shown = null;
      route();
    }
  });
}

// ---- Links and keys

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-internal], a[data-back], a.wordmark, a.skip");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.className === "skip") return byId("main").focus();
  if ("back" in link.dataset && history.state?.inward) return history.back();
  const inward = "internal" in link.dataset;
  const from = views.find(({ holds }) => holds(link));
  lastFocus = link.closest(".card")?.previousElementSibling ?? link;
  const state = inward ? { inward: true, fromDesk: Boolean(from), cited: from?.view.cited?.get(link.dataset.article) ?? [] } : {};
  history.pushState({ key: newKey(), ...state }, "", link.href);
  route();
  if (inward) return;
  scrollTo(0, 0);
  desk.field.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const free = !event.defaultPrevented && !document.querySelector("dialog[open]") && !byId("desk").hidden;
    if (free && !closeCard({ refocus: true })) asking?.abort();
    return;
  }
  if (!isFree(event)) return;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const by = event.key === "ArrowRight" ? 1 : -1;
    if (byId("desk").hidden ? quotes?.(by) : step(byId("desk"), by)) event.preventDefault();
  } else if (singleKeys() && Object.hasOwn(COMMANDS, event.key)) {
    event.preventDefault();
    COMMANDS[event.key]();
  }
});

const COMMANDS = {
  "/": () => {
    if (byId("desk").hidden) visit("/");
    desk.field.focus();
    desk.field.select();
  },
  "?": showKeys,
  h: openHistory,
};

const forget = byId("forget-key");
forget.addEventListener("click", async () => {
  await useKey(null);
  location.assign("/");
});
forget.hidden = !hasKey();
byId("stop").addEventListener("click", () => asking?.abort());
byId("history").addEventListener("click", openHistory);
addEventListener("popstate", route);
route();
refreshCoverage();
showReadiness();

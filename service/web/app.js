// The page: which view an address shows, and one question at a time.

import { AnswerView } from "./answer.js";
import { asProblem, ask, getJson, hasKey, useKey } from "./api.js";
import { closeCard, step } from "./citations.js";
import { timeElement } from "./dates.js";
import { bodyOf, Desk, pathOf, requestFrom } from "./desk.js";
import { button, byId, h, plural } from "./dom.js";
import { requestOf, showTurn, wayToConversation } from "./kept.js";
import { isFree, showKeys, singleKeys } from "./keys.js";
import { emptyArchive, problemNotice } from "./notices.js";
import { openReader } from "./reader.js";
import { showReadiness, spoken, status } from "./status.js";

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
  if (reads) return read(place, name);
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
  if (event === "queued") {
    status(data.ahead ? `Waiting: ${plural(data.ahead, "question")} before yours\u2026` : "Waiting: yours is next\u2026", { busy: true });
  } else if (event === "meta") view.showContext(data);
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
  showTurn(DESK_SLOTS, turn, viewOf(DESK_SLOTS, requestOf(turn), turn));
}

function openConversation(name) {
  return openDesk(async (signal) => (await import("./history.js")).turnsOf(name, { signal }), ({ title, turns }) => {
    const last = turns.at(-1);
    entitle(title || turns[0]?.question || "Conversation");
    byId("earlier").replaceChildren(h("h1", { class: "conversation-title", tabindex: "-1", dir: "auto" },
      title || ["Conversation of ", timeElement(turns[0]?.asked_at)]),
      ...turns.map((turn) => {
        const slots = { answer: h("div", {}), reading: h("div", {}), tail: h("div", {}) };
        showTurn(slots, turn, viewOf(slots, requestOf(turn), turn));
        return h("section", { class: "answer turn", "aria-label": turn.question }, slots.answer, slots.tail);
      }));
    if (last) follow(last.conversation_id, last.standalone_question || last.question);
    byId("earlier").querySelector("h1").focus({ preventScroll: true });
  });
}

// ---- One article, and the archive

async function read(place, name) {
  const controller = new AbortController();
  loading = controller;
  const found = await openReader(byId("reader"), place, name, {
    signal: controller.signal, state: history.state, visit: (filters) => visit(pathOf(filters)), changed: refreshCoverage, retry: route,
  });
  if (loading === controller) quotes = found;
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

// The page: which view an address shows, and one question at a time.

import { AnswerView } from "./answer.js";
import { ask, getJson, Problem } from "./api.js";
import { showArticle } from "./article.js";
import { closeCard } from "./citations.js";
import { endOfDay } from "./dates.js";
import { Desk, pathOf, requestFrom } from "./desk.js";
import { byId, h, plural } from "./dom.js";
import { emptyArchive, problemNotice } from "./notices.js";
import { showReadiness, status } from "./status.js";

const finished = new Map(); // history key -> {request, answer}: going back shows an answer, it does not ask again
let asking = null; // AbortController of the question being answered
let shown = null; // history key of what is on the desk
let articleLoad = null;
let lastFocus = null;
let coverage = null;

const desk = new Desk(go);

// ---- Addresses

function newKey() {
  return `${Date.now()}-${Math.random()}`;
}

/** Asks, with an address of its own. */
function go(request) {
  const key = newKey();
  history.pushState({ key, conversation: request.conversation }, "", pathOf(request));
  showDesk(request, key);
}

/** Shows what the address says. */
function route() {
  closeCard();
  const match = /^\/articles\/(.+)$/.exec(location.pathname);
  document.body.classList.toggle("reading-article", Boolean(match));
  byId("desk").hidden = Boolean(match);
  byId("reader").hidden = !match;
  if (match) return openArticle(match[1]);
  if (!history.state?.key) history.replaceState({ key: newKey() }, "");
  const { key, conversation = null } = history.state;
  showDesk({ ...requestFrom(location.search), conversation }, key);
}

function showDesk(request, key) {
  articleLoad?.abort();
  desk.fill(request);
  document.title = request.question ? `${request.question} \u2014 Dateline` : "Dateline";
  document.body.classList.toggle("asked", Boolean(request.question));
  showExamples();
  if (shown === key) {
    if (lastFocus?.isConnected) lastFocus.focus({ preventScroll: true });
    return;
  }
  asking?.abort();
  asking = null;
  shown = key;
  desk.follow(null);
  clear();
  if (!request.question) return showEmpty();
  const done = finished.get(key);
  if (done) viewOf(done.request).showFinal(done.answer);
  else answer(request, key);
}

function clear() {
  status(null);
  for (const id of ["answer", "reading", "notices", "tail"]) byId(id).replaceChildren();
}

// ---- One question

function viewOf(request) {
  return new AnswerView(request, {
    withoutWindow: () => go({ ...request, window: false }),
    followUp: (previous) => {
      desk.follow({ id: previous.conversation_id, question: previous.standalone_question || previous.question });
      desk.field.value = "";
      desk.fit();
      scrollTo(0, 0);
      desk.field.focus();
    },
  });
}

function bodyOf(request) {
  const body = { question: request.question, debug: true };
  if (request.day) body.asked_at = endOfDay(request.day);
  if (request.sources.length) body.filters = { sources: request.sources };
  if (!request.window) body.infer_window = false;
  if (request.conversation) body.conversation_id = request.conversation;
  return body;
}

async function answer(request, key) {
  const controller = new AbortController();
  asking = controller;
  const view = viewOf(request);
  byId("notices").replaceChildren();
  status("Looking through the archive\u2026", { busy: true });
  try {
    for await (const { event, data } of ask(bodyOf(request), controller.signal)) {
      if (asking !== controller) return;
      show(event, data, { request, key, view });
    }
  } catch (error) {
    if (asking !== controller) return;
    view.showUnfinished();
    interrupted(error, view.count, () => {
      refreshCoverage();
      answer(request, key);
    });
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
    status(null, { spoken: spoken(data) });
  }
}

function interrupted(error, kept, retry) {
  if (error.name === "AbortError") {
    return status(kept ? `Stopped. ${plural(kept, "checked sentence")} kept.` : "Stopped.");
  }
  if (!(error instanceof Problem)) console.error(error);
  status(null);
  byId("notices").replaceChildren(problemNotice(error instanceof Problem ? error : new Problem("broken"), { kept, retry }));
}

function spoken({ status: verdict, sentences, citations }) {
  if (verdict === "insufficient_evidence") return "The archive does not say.";
  if (verdict === "outside_coverage") return "The archive has nothing from that time.";
  return `Answer ready: ${plural(sentences?.length ?? 0, "sentence")}, ${plural(citations?.length ?? 0, "citation")}.`;
}

// ---- One article

async function openArticle(encodedId) {
  articleLoad?.abort();
  const controller = new AbortController();
  articleLoad = controller;
  const reader = byId("reader");
  reader.replaceChildren(h("p", { class: "loading", role: "status" }, "Opening the article\u2026"));
  const back = h("a", { class: "back", "data-back": true },
    history.state?.fromDesk ? "\u2190 Back to the answer" : "\u2190 Ask the archive");
  back.href = "/";
  try {
    const version = /^\d{1,15}$/.exec(new URLSearchParams(location.search).get("version") ?? "");
    const asCited = version ? `?version=${version[0]}` : "";
    const article = await getJson(`/v1/articles/${encodedId}${asCited}`, { signal: controller.signal });
    document.title = `${article.title || "Article"} \u2014 Dateline`;
    showArticle(reader, article, location.hash, back);
  } catch (error) {
    if (controller.signal.aborted) return;
    if (!(error instanceof Problem)) console.error(error);
    reader.replaceChildren(back, problemNotice(error instanceof Problem ? error : new Problem("broken"), { retry: route }));
  }
}

// ---- The archive as a whole

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
  byId("examples").hidden = Boolean(requestFrom(location.search).question) || !desk.hasExamples;
}

function showEmpty() {
  if (coverage?.articles === 0 && !byId("notices").childElementCount) byId("notices").replaceChildren(emptyArchive());
}

// ---- Links and keys

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-internal], a[data-back], a.wordmark, a.skip");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.className === "skip") return byId("main").focus();
  if ("back" in link.dataset && history.state?.fromDesk) return history.back();
  const inward = "internal" in link.dataset;
  lastFocus = link.closest(".card")?.previousElementSibling ?? link;
  history.pushState(inward ? { fromDesk: true } : { key: newKey() }, "", link.href);
  route();
  if (inward) return;
  scrollTo(0, 0);
  desk.field.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (!closeCard({ refocus: true })) asking?.abort();
  } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !byId("desk").hidden
      && !event.target.closest?.("input, textarea, select")) {
    event.preventDefault();
    desk.field.focus();
    desk.field.select();
  }
});

byId("stop").addEventListener("click", () => asking?.abort());
addEventListener("popstate", route);
route();
refreshCoverage();
showReadiness();

// The archive as a whole: how much, from when to when, by whom; the newest articles and the stories several outlets print; and a place
// where whoever holds an admin key hands in more.

import { asProblem, getJson, handIn } from "./api.js";
import { monthText, spanText, timeElement } from "./dates.js";
import { articleLink, button, h, list, plural } from "./dom.js";
import { emptyArchive, problemNotice } from "./notices.js";
import { Timeline } from "./timeline.js";

const SHOWN = 12; // outlets before the fold
const PAGE = 20;
const OUTCOMES = {
  added: "added", updated: "updated", unchanged: "unchanged", duplicate_of: "there already under another name", rejected: "not taken in",
  withdrawn: "taken down", skipped: "passed over",
};

/** Fills root; ask(request) opens the desk with filters. signal ends what is being loaded; changed() is told that articles came in. */
export async function showArchive(root, { signal, ask, changed }) {
  const [top, lists] = [h("div", {}), h("div", {})];
  const narrowed = (filter) => ask({ question: "", day: "", from: "", to: "", sources: [], window: true, ...filter });
  const draw = async () => {
    const coverage = await getJson("/v1/coverage", { signal });
    const holder = h("div", { class: "timeline large" });
    const timeline = new Timeline(holder, narrowed);
    top.replaceChildren(coverage.articles ? lead(coverage) : emptyArchive(), holder,
      h("div", { class: "columns" }, months(list(coverage.months)), outlets(list(coverage.sources).filter(({ source }) => source), narrowed)));
    timeline.show(coverage.months);
    lists.replaceChildren(
      paged("Newest articles", (cursor) => `/v1/articles?order=newest&limit=${PAGE}${cursor}`, "articles", articleRow),
      paged("Stories that several outlets print", (cursor) => `/v1/stories?limit=${PAGE}${cursor}`, "stories", storyRow));
  };
  await draw();
  if (signal.aborted) return;
  const heading = h("h1", { tabindex: "-1" }, "The archive");
  cameIn = () => {
    changed();
    return draw();
  };
  root.replaceChildren(heading, top, handingIn(), lists);
  heading.focus({ preventScroll: true });
  for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault(), { signal }); // beside the place for it
}

function lead(coverage) {
  const from = list(coverage.sources).length;
  return h("p", { class: "lead" }, plural(coverage.articles, "article"), from ? ` from ${plural(from, "outlet")}` : "",
    `, ${spanText(coverage.from, coverage.to, { short: false }) ?? "dates unknown"}, in ${plural(coverage.passages ?? 0, "passage")}.`);
}

/** The chart as a table, for whoever does not see it. */
function months(rows) {
  if (rows.length < 2) return null;
  return h("details", {}, h("summary", {}, "By month, as a table"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Articles by month" },
      h("table", { class: "plain" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Month"), h("th", { scope: "col" }, "Articles"))),
        h("tbody", {}, rows.map(({ month, articles }) => h("tr", {}, h("th", { scope: "row" }, monthText(month)),
          h("td", { class: "figure" }, `${articles}`)))))));
}

function outlets(rows, narrowed) {
  if (!rows.length) return null;
  const most = Math.max(1, ...rows.map(({ articles }) => articles));
  const line = ({ source, articles }) => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * articles) / most}%`;
    return h("li", {}, h("span", { class: "name" }, button(source, () => narrowed({ sources: [source] }),
      { class: "quiet", dir: "auto", title: "Ask of this outlet alone" }), h("span", { class: "tally" }, `${articles}`)), bar);
  };
  const all = h("ul", { class: "bars" }, rows.slice(0, SHOWN).map(line));
  const rest = rows.slice(SHOWN);
  const more = button(`Show ${plural(rest.length, "more outlet")}`, () => {
    all.append(...rest.map(line));
    more.remove();
  });
  return h("section", {}, h("h2", {}, "Outlets"), all, rest.length ? more : null);
}

/** A list that grows by a button; what there is none of is not shown. */
function paged(title, path, key, row) {
  const rows = h("ul", { class: "rows" });
  const foot = h("div", { class: "more" });
  const section = h("section", { hidden: true }, h("h2", {}, title), rows, foot);
  const load = async (cursor) => {
    try {
      const page = await getJson(path(cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""));
      const before = rows.childElementCount;
      rows.append(...list(page[key]).map(row));
      section.hidden = !rows.childElementCount;
      foot.replaceChildren(...(page.next ? [button("Show more", () => load(page.next))] : []));
      if (cursor) rows.children[before]?.querySelector("a")?.focus();
    } catch (error) {
      section.hidden = false;
      foot.replaceChildren(problemNotice(asProblem(error), { retry: () => load(cursor) }));
    }
  };
  load(null);
  return section;
}

function articleRow(article) {
  return h("li", {}, articleLink({ article_id: article.id }, article.title || "Untitled", { dir: "auto" }),
    h("span", { class: "from" }, article.source || "Unknown outlet", ", ", timeElement(article.published_at, { short: true })));
}

function storyRow({ story }) {
  const [first, ...others] = list(story);
  return h("li", {}, articleLink({ article_id: first.id }, first.title || "Untitled", { dir: "auto" }),
    h("span", { class: "from" }, first.source || "Unknown outlet", ", ", timeElement(first.published_at, { short: true })),
    h("details", { class: "also" }, h("summary", {}, `and ${plural(others.length, "other print")}`),
      h("ul", {}, others.map((other) => h("li", {}, articleLink({ article_id: other.id }, other.source || "Unknown outlet"), ", ",
        timeElement(other.published_at, { short: true }))))));
}

// ---- Handing in

const log = h("div", { class: "log", role: "status" }); // of this tab: what is on its way stays told when the page is left and come back to
let queue = Promise.resolve();
let cameIn = null; // draws the view that is open anew

function handingIn() {
  const files = h("input", { type: "file", id: "files", multiple: true });
  const drop = h("div", { class: "drop" }, h("label", { for: "files" }, "Drop files here, or choose them"), files,
    h("p", { class: "help" }, "Pages (HTML), feeds, PDF, text, Markdown, JSON, CSV, Parquet, and ZIP of any of these."));
  const address = h("input", { type: "url", id: "address", maxlength: "2000", required: true, spellcheck: "false" });
  address.placeholder = "https://";
  const form = h("form", { class: "address" }, h("label", { for: "address" }, "Or the address of a page, a feed or a sitemap"), address,
    h("button", { type: "submit", class: "secondary" }, "Take in"));

  const give = (name, path, body, type) => {
    const line = h("p", {}, h("strong", { dir: "auto" }, name), " ", h("span", {}, "waits\u2026"));
    log.append(line);
    queue = queue.then(() => oneIn(line, name, path, body, type)).then(() => cameIn()).catch((error) => {
      if (error.name !== "AbortError") asProblem(error); // a view that was left is not drawn again
    });
  };
  const giveFiles = (chosen) => {
    for (const file of chosen) give(file.name, `/v1/ingest/file?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream");
  };
  files.addEventListener("change", () => {
    giveFiles([...files.files]);
    files.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const url = address.value.trim();
    give(url, "/v1/ingest/address", JSON.stringify({ url }), "application/json");
    address.value = "";
  });
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", type === "dragenter" || type === "dragover");
      if (type === "drop") giveFiles([...event.dataTransfer.files]);
    });
  }
  return h("section", { class: "handing-in" }, h("h2", {}, "Add articles"), drop, form, log);
}

/** Gives one in, and shows what becomes of it. Where a key is needed it waits for one, and those behind it wait too. */
async function oneIn(line, name, path, body, type) {
  const said = line.lastElementChild;
  said.textContent = "is being read\u2026";
  let saved = 0;
  try {
    for await (const { event, data } of handIn(path, body, type)) {
      if (event === "progress") {
        saved = data.articles;
        said.textContent = `${plural(saved, "article")} so far${share(data)}\u2026`;
      } else if (event === "report") line.replaceWith(report(name, data));
    }
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 401 || problem.status === 403) {
      said.textContent = "waits for a key";
      await new Promise((done) => {
        const asks = problemNotice(problem, { retry: () => {
          asks.remove();
          done();
        } });
        line.after(asks);
      });
      return oneIn(line, name, path, body, type);
    }
    const why = problem.detail ?? problem.title ?? "the service could not be reached, or it is no file";
    said.textContent = saved ? `broke off after ${plural(saved, "article")}: ${why}. Give it in again: what is there stays as it is.` : `was not taken in: ${why}`;
  }
}

const share = ({ read, size }) => (size > 0 ? `, ${Math.min(100, Math.round((100 * read) / size))} % read` : "");

function report(name, { counts, items, articles, skipped }) {
  const parts = Object.entries(counts ?? {}).map(([outcome, count]) => `${count} ${OUTCOMES[outcome] ?? outcome}`);
  const told = list(items).filter(({ reason, warnings, outcome }) => (outcome === "rejected" && reason) || list(warnings).length);
  const read = list(items).find(({ id, outcome }) => id && outcome !== "rejected");
  if (skipped) parts.push(`${plural(skipped, "file")} of other kinds passed over`);
  const remarks = h("ul", {}, told.map(({ place, reason, warnings, outcome }) => h("li", { dir: "auto" },
    `${place}: ${[...(outcome === "rejected" ? [reason] : []), ...list(warnings)].join("; ")}`)));
  return h("div", { class: "reported" }, h("p", {}, h("strong", { dir: "auto" }, name), ` ${parts.join(", ") || "held no article"}. `,
    articles === 1 && read ? articleLink({ article_id: read.id }, "Read it") : null),
  told.length > 1 ? h("details", {}, h("summary", {}, plural(told.length, "remark")), remarks) : told.length ? remarks : null);
}

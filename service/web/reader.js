// The reading views beside the desk: one article, and the archive as a whole. Each is loaded when it is first opened.

import { asProblem, getJson } from "./api.js";
import { h } from "./dom.js";
import { problemNotice } from "./notices.js";

/**
 * Opens what an address names: place is "articles" or "archive". state is the history's; visit(request) shows the desk under filters,
 * changed() is told that articles came in, retry() opens it again. Returns what goes from quote to quote, or null.
 */
export async function openReader(reader, place, name, { signal, state, visit, changed, retry }) {
  reader.replaceChildren(h("p", { class: "loading", role: "status" }, place === "archive" ? "Opening the archive\u2026" : "Opening the article\u2026"));
  const back = h("a", { class: "back", "data-back": true },
    state?.fromDesk ? "\u2190 Back to the answer" : state?.inward ? "\u2190 Back" : "\u2190 Ask the archive");
  back.href = "/";
  try {
    if (place === "archive") {
      document.title = "The archive \u2014 Dateline";
      const { showArchive } = await import("./archive.js");
      await showArchive(reader, { signal, ask: visit, changed });
      return null;
    }
    const version = /^\d{1,15}$/.exec(new URLSearchParams(location.search).get("version") ?? "");
    const asCited = version ? `?version=${version[0]}` : "";
    const [{ showArticle }, article] = await Promise.all([import("./article.js"), getJson(`/v1/articles/${name}${asCited}`, { signal })]);
    if (signal.aborted) return null;
    document.title = `${article.title || "Article"} \u2014 Dateline`;
    return showArticle(reader, article, { hash: location.hash, cited: state?.cited, back });
  } catch (error) {
    if (signal.aborted) return null;
    document.title = "Dateline";
    reader.replaceChildren(back, problemNotice(asProblem(error), { retry }));
    back.focus();
    return null;
  }
}

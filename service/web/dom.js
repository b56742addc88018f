// Small DOM builder. Text reaches the page only as text nodes: nothing in this folder parses markup.

const FORBIDDEN = new Set(["href", "src", "style", "srcdoc", "action", "formaction"]);

/** An element with attributes and children (strings become text nodes; null and false are skipped). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    } else if (FORBIDDEN.has(name) || name.startsWith("on")) {
      throw new TypeError(`attribute ${name} is set only by the link functions`);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const list = (value) => (Array.isArray(value) ? value : []);

/** A plain button. */
export function button(label, click, attributes = {}) {
  return h("button", { type: "button", class: "quiet", ...attributes, on: { click } }, label);
}

/** The URL if it is an absolute http or https one, else null. */
export function webUrl(value) {
  if (typeof value !== "string" || !/^https?:\/\//i.test(value)) return null;
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** A link out of the archive, or null when the address is not http(s). */
export function outsideLink(value, label, attributes = {}) {
  const url = webUrl(value);
  if (!url) return null;
  const link = h("a", { ...attributes, rel: "noopener noreferrer nofollow", target: "_blank" }, label,
    h("span", { "aria-hidden": "true", class: "out" }, "\u00a0\u2197"), h("span", { class: "sr-only" }, " (opens in a new tab)"));
  link.href = url;
  return link;
}

/** A link to an article's own page, at the quoted characters when a range is given. */
export function articleLink(citation, label, attributes = {}) {
  const link = h("a", { ...attributes, "data-internal": true, "data-article": citation.article_id }, label);
  link.href = articlePath(citation);
  return link;
}

/** With a version, the link leads to what was quoted, whatever the article has become since. */
export function articlePath({ article_id: id, start, end, version }) {
  const range = Number.isInteger(start) && Number.isInteger(end) ? `#${start}-${end}` : "";
  const asCited = range && Number.isInteger(version) ? `?version=${version}` : "";
  return `/articles/${encodeURIComponent(id)}${asCited}${range}`;
}

export function byId(id) {
  return document.getElementById(id);
}

export function plural(count, one, many = `${one}s`) {
  return `${new Intl.NumberFormat("en-GB").format(count)} ${count === 1 ? one : many}`;
}

/** "a, b and c" */
export function listed(words) {
  return new Intl.ListFormat("en-GB", { type: "conjunction" }).format(words);
}

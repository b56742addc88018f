// The service's HTTP API: JSON calls, problems (RFC 9457), and server-sent events from a POST response.

import { retrySeconds } from "./dates.js";

const KEY = "dateline-api-key";
// The service sends a comment every 15 s; four missed ones mean that nobody is there.
const SILENCE_MS = 60_000;

/** kind: unreachable | http | broken | stream */
export class Problem extends Error {
  constructor(kind, { status = null, title = null, detail = null, retryAfter = null } = {}) {
    super(title || kind);
    const [ownTitle, ownDetail] = [title, detail].map((text) => (typeof text === "string" && text ? text : null));
    Object.assign(this, { kind, status, title: ownTitle, detail: ownDetail, retryAfter });
  }
}

export function saveKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

function headers(extra) {
  const key = sessionStorage.getItem(KEY);
  return key ? { ...extra, Authorization: `Bearer ${key}` } : extra;
}

async function send(path, options) {
  try {
    return await fetch(path, { credentials: "omit", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("unreachable");
  }
}

async function problemFrom(response) {
  let body = {};
  try {
    body = await response.json();
  } catch { /* a proxy's HTML page, or nothing: the status says enough */ }
  const first = Array.isArray(body.errors) ? body.errors[0] : null;
  return new Problem("http", {
    status: response.status,
    title: titleOf(body),
    detail: body.detail ?? first?.detail ?? first?.msg,
    retryAfter: retrySeconds(response.headers.get("Retry-After")),
  });
}

/** A title of the problem's own: about:blank means that it is only the status in words (RFC 9457, 4.2.1). */
function titleOf({ type, title }) {
  return type && type !== "about:blank" ? title : null;
}

export async function getJson(path, { signal } = {}) {
  const response = await send(path, { headers: headers({ Accept: "application/json" }), signal });
  if (!response.ok) throw await problemFrom(response);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("broken");
  }
}

/** Readiness as a value: /readyz says what is wrong in the body of its 503 too. */
export async function readiness() {
  try {
    const response = await send("/readyz", { headers: { Accept: "application/json" } });
    return await response.json();
  } catch {
    return null;
  }
}

/** Asks, and yields {event, data} until the one terminal event. Throws Problem, or AbortError when stopped. */
export async function* ask(body, signal) {
  // A day that was chosen is a day of the archive, UTC; only "now" is the reader's own.
  const zone = body.asked_at ? {} : { time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  const response = await send("/v1/ask", {
    method: "POST",
    headers: headers({ "Content-Type": "application/json", Accept: "text/event-stream" }),
    body: JSON.stringify({ ...body, ...zone, stream: true }),
    signal,
  });
  if (!response.ok) throw await problemFrom(response);
  if (!/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "")) {
    yield { event: "final", data: await response.json().catch(() => { throw new Problem("broken"); }) };
    return;
  }
  for await (const { event, data } of readEvents(chunksOf(response.body))) {
    let value;
    try {
      value = JSON.parse(data);
    } catch {
      throw new Problem("broken");
    }
    if (event === "error") throw new Problem("stream", { ...value, title: titleOf(value) });
    yield { event, data: value };
    if (event === "final") return;
  }
  throw new Problem("broken");
}

async function* chunksOf(stream) {
  const reader = stream.getReader();
  let timer;
  try {
    for (;;) {
      const silence = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Problem("broken")), SILENCE_MS);
      });
      const { value, done } = await Promise.race([reader.read(), silence]);
      clearTimeout(timer);
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Problem) throw error;
    throw new Problem("broken");
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

/**
 * Server-sent events from byte chunks cut anywhere: inside a character, or between CR and LF.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function* readEvents(chunks) {
  const decoder = new TextDecoder();
  let buffer = "";
  let event = "";
  let data = [];
  for await (const chunk of chunks) {
    buffer += decoder.decode(chunk, { stream: true });
    let from = 0;
    for (;;) {
      const next = /\r\n|\n|\r/g;
      next.lastIndex = from;
      const found = next.exec(buffer);
      // A CR that ends the buffer may be half of a CRLF: wait for the next byte.
      if (!found || (found[0] === "\r" && next.lastIndex === buffer.length)) break;
      const line = buffer.slice(from, found.index);
      from = next.lastIndex;
      if (line === "") {
        if (data.length) yield { event: event || "message", data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") event = value;
      else if (name === "data") data.push(value);
    }
    buffer = buffer.slice(from);
  }
}

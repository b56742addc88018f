// The service's HTTP API: JSON calls, problems (RFC 9457), and server-sent events from a POST response.

import { retrySeconds } from "./dates.js";

const KEY = "dateline-api-key";
// The service sends a comment every 15 s; four missed ones mean that nobody is there.
const SILENCE_MS = 60_000;
const RESUMED = 2; // times that a stream is taken up

/** kind: unreachable | http | broken (the connection) | stream | fault (of this page) */
export class Problem extends Error {
  constructor(kind, { status = null, title = null, detail = null, retryAfter = null } = {}) {
    super(title || kind);
    const [ownTitle, ownDetail] = [title, detail].map((text) => (typeof text === "string" && text ? text : null));
    Object.assign(this, { kind, status, title: ownTitle, detail: ownDetail, retryAfter });
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** Keeps a key in this tab once the service knows it; null forgets it. Throws Problem, or RangeError for what can be no key. */
export async function useKey(key) {
  if (key === null) return sessionStorage.removeItem(KEY);
  if (!key || /[\s\p{Cc}]/u.test(key)) throw new RangeError("a key has no spaces");
  await call("/v1/coverage", { headers: withKey({ Accept: "application/json" }, key) });
  sessionStorage.setItem(KEY, key);
}

function headers(extra) {
  return withKey(extra, sessionStorage.getItem(KEY));
}

// A header is bytes, and a key is UTF-8: each byte is written as the character of that number.
function withKey(extra, key) {
  return key ? { ...extra, Authorization: `Bearer ${String.fromCharCode(...new TextEncoder().encode(key))}` } : extra;
}

/** Whatever was thrown, as a Problem. */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("fault");
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

export function getJson(path, { signal } = {}) {
  return call(path, { headers: headers({ Accept: "application/json" }), signal });
}

export function postJson(path, body, { method = "POST" } = {}) {
  return call(path, { method, headers: headers({ "Content-Type": "application/json", Accept: "application/json" }), body: JSON.stringify(body) });
}

export function remove(path) {
  return call(path, { method: "DELETE", headers: headers({ Accept: "application/json" }) });
}

/** The JSON of a 2xx, null of one without a body. Throws Problem, or AbortError when stopped. */
async function call(path, options) {
  const response = await send(path, options);
  if (!response.ok) throw await problemFrom(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("broken");
  }
}

/** Sends a file or an address to be taken in, and yields {event, data} until the report. Throws Problem. */
export async function* handIn(path, body, type) {
  const response = await send(path, { method: "POST", headers: headers({ "Content-Type": type, Accept: "text/event-stream" }), body });
  if (!response.ok) throw await problemFrom(response);
  yield* eventsOf(response, "report");
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

/**
 * Asks, and yields {event, data} until the one terminal event. Throws Problem, or AbortError when stopped.
 * A stream that breaks is taken up where it broke; `restart` says that what came before is void.
 */
export async function* ask(body, signal) {
  let last = null;
  let seen = false;
  for (let tries = 0; ; tries += 1) {
    try {
      for await (const { id, ...event } of asked(body, signal, last)) {
        last = id || last;
        seen = true;
        yield event;
      }
      return;
    } catch (error) {
      const lost = error instanceof Problem && ["broken", "unreachable"].includes(error.kind);
      // A browser may throw away what it had received when the connection broke: then the question is asked anew.
      const unseen = !seen && error.kind === "broken";
      if (!(last || unseen) || (!lost && !tries) || tries >= RESUMED) throw error;
      if (!lost) throw new Problem("broken"); // it cannot be taken up: what was told of the first break stands
      await new Promise((done) => setTimeout(done, 300 * 4 ** tries));
    }
  }
}

async function* asked(body, signal, last) {
  // A day that was chosen is a day of the archive, UTC; only "now" is the reader's own.
  const zone = body.asked_at ? {} : { time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  const response = await send("/v1/ask", {
    method: "POST",
    headers: headers({ "Content-Type": "application/json", Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) }),
    body: JSON.stringify({ ...body, ...zone, stream: true }),
    signal,
  });
  if (!response.ok) throw await problemFrom(response);
  if (!/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "")) {
    yield { event: "final", data: await response.json().catch(() => { throw new Problem("broken"); }) };
    return;
  }
  yield* eventsOf(response, "final");
}

/** Every event with its data read, until the last one; one that never comes, or `error`, is a Problem. */
async function* eventsOf(response, last) {
  for await (const { event, data, id } of readEvents(chunksOf(response.body))) {
    let value;
    try {
      value = JSON.parse(data);
    } catch {
      throw new Problem("broken");
    }
    if (event === "error") throw new Problem("stream", { ...value, title: titleOf(value) });
    yield { event, data: value, id };
    if (event === last) return;
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
  let id = "";
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
        if (data.length) yield { event: event || "message", data: data.join("\n"), id };
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
      else if (name === "id") id = value;
    }
    buffer = buffer.slice(from);
  }
}

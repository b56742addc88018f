// Dates as a reader says them. Everything is UTC, as in the archive.

import { h } from "./dom.js";

const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const LONG = format({ day: "numeric", month: "long", year: "numeric" });
const SHORT = format({ day: "numeric", month: "short", year: "numeric" });
const DAY = 86_400_000;

/** A Date from "2026-05-20" or a full instant, or null when it is missing or not a date. */
export function parse(value) {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\d/.test(value)) return null;
  const hasZone = /(?:z|[+-]\d\d:?\d\d)$/i.test(value);
  const moment = new Date(value.length > 10 && !hasZone ? `${value}Z` : value);
  return Number.isNaN(moment.getTime()) ? null : moment;
}

/** "20 May 2026", or "20 May 2026" in short months; null when unknown. */
export function dayText(value, { short = false } = {}) {
  const moment = parse(value);
  return moment ? (short ? SHORT : LONG).format(moment) : null;
}

/** A <time> element; a full instant keeps its ISO form in the title. "date unknown" when there is none. */
export function timeElement(value, { short = false } = {}) {
  const text = dayText(value, { short });
  if (!text) return h("span", { class: "unknown" }, "date unknown");
  const instant = value.length > 10;
  return h("time", { datetime: value, title: instant ? parse(value).toISOString() : null }, text);
}

/** Both ends included: "8\u201315 May 2026". Either end may be null. */
export function spanText(from, to, { short = true } = {}) {
  const [first, last] = [parse(from), parse(to)];
  const formatter = short ? SHORT : LONG;
  if (first && last) return first <= last ? formatter.formatRange(first, last) : formatter.format(first);
  if (first) return `since ${formatter.format(first)}`;
  if (last) return `until ${formatter.format(last)}`;
  return null;
}

/** A half-open window [from, to) in days a reader would name: the last moment is inside the last day. */
export function windowText(from, to) {
  const end = parse(to);
  return spanText(from, end ? new Date(end.getTime() - 1).toISOString() : null);
}

/** "19 months before the question" from whole days; null when unknown. */
export function ageText(days) {
  if (!Number.isFinite(days) || days < 0) return null;
  if (days < 1) return "the day of the question";
  const [count, unit] = days < 21 ? [days, "day"]
    : days < 61 ? [Math.round(days / 7), "week"]
    : days < 730 ? [Math.round(days / 30.4375), "month"]
    : [Math.floor(days / 365.25), "year"];
  return `${count} ${unit}${count === 1 ? "" : "s"} before the question`;
}

/** The last second of a UTC day given as "2026-05-20", so that the day's own reports count. */
export function endOfDay(day) {
  return `${day}T23:59:59Z`;
}

/** Seconds to wait from a Retry-After header: seconds or an HTTP date. */
export function retrySeconds(header, now = Date.now()) {
  if (!header) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 0), DAY / 1000) : null;
}

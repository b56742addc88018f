// Dates as a reader says them. A bare day is the archive's own, UTC; an instant is told in the reader's zone, with UTC on hover.

import { h } from "./dom.js";

const formats = (options) => ({
  day: new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }),
  instant: new Intl.DateTimeFormat("en-GB", options),
});
const LONG = formats({ day: "numeric", month: "long", year: "numeric" });
const SHORT = formats({ day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const MONTH = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "long", year: "numeric" });
const UTC = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
});
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
  if (!moment) return null;
  const { day, instant } = short ? SHORT : LONG;
  return (value.length > 10 ? instant : day).format(moment);
}

/** "March 2026" of "2026-03". */
export function monthText(month) {
  return MONTH.format(new Date(`${month}-01`));
}

/** A <time> element; an instant has its moment in UTC as title, and with `clock` also its time. "date unknown" when there is none. */
export function timeElement(value, { short = false, clock = false } = {}) {
  const text = dayText(value, { short });
  if (!text) return h("span", { class: "unknown" }, "date unknown");
  if (value.length <= 10) return h("time", { datetime: value }, text);
  const moment = parse(value);
  return h("time", { datetime: value, title: `${UTC.format(moment)} UTC` }, clock ? `${text}, ${CLOCK.format(moment)}` : text);
}

/** Both ends included: "8\u201315 May 2026". Either end may be null. */
export function spanText(from, to, { short = true } = {}) {
  const [first, last] = [parse(from), parse(to)];
  const formatter = (short ? SHORT : LONG).day;
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

/** The last day of a span that ends before a moment: "2026-04-30" of "2026-05-01". */
export function lastDay(end) {
  return new Date(parse(end).getTime() - 1).toISOString().slice(0, 10);
}

/** The day after, for a span that ends before it. */
export function nextDay(day) {
  const moment = new Date(`${day}T00:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() + 1);
  return moment.toISOString().slice(0, 10);
}

/** Seconds to wait from a Retry-After header: seconds or an HTTP date. */
export function retrySeconds(header, now = Date.now()) {
  if (!header) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 0), DAY / 1000) : null;
}

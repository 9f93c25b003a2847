/** Times in the viewer's zone: short and relative to read, exact on hover. */

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "long",
});
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const HOUR_MINUTE = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY_MONTH = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Longer ago than this, a date says more than a number of days. */
const RELATIVE_UNTIL = 14 * DAY;

/** "3 min. ago", "in 2 hr.", or a date when it is far away. */
export function ago(time: Date, now = Date.now()): string {
  const seconds = Math.round((time.getTime() - now) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 10) return "just now";
  if (distance < MINUTE) return RELATIVE.format(seconds, "second");
  if (distance < HOUR) return RELATIVE.format(Math.trunc(seconds / MINUTE), "minute");
  if (distance < DAY) return RELATIVE.format(Math.trunc(seconds / HOUR), "hour");
  if (distance < RELATIVE_UNTIL) return RELATIVE.format(Math.trunc(seconds / DAY), "day");
  return SHORT_DATE.format(time);
}

export const exactly = (time: Date): string => EXACT.format(time);
export const dateAndTime = (time: Date): string => DATE_TIME.format(time);
export const hourAndMinute = (time: Date): string => HOUR_MINUTE.format(time);
export const dayAndMonth = (time: Date): string => DAY_MONTH.format(time);
export const clock = (time: Date): string => CLOCK.format(time);

/** "42 s", "3:05 min", "2:07 h", "3 d 4 h". */
export function duration(seconds: number): string {
  if (seconds < 1) return seconds > 0 ? `${seconds.toFixed(2)} s` : "0 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}:${two(whole % MINUTE)} min`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}:${two(Math.floor((whole % HOUR) / MINUTE))} h`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

const SIZES = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** "1.5 GB", in powers of 1000 as disks are sold. */
export function fileSize(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1000 && unit < SIZES.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${unit && rest < 100 ? rest.toFixed(1) : Math.round(rest)} ${SIZES[unit]}`;
}

// Relative times grow old by themselves. Changing the texts in place costs nothing beside having
// thousands of components do it.
const REFRESH_MS = 10_000;
setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-ago]")) {
    const text = ago(new Date(element.dateTime), now);
    if (element.textContent !== text) element.textContent = text;
  }
}, REFRESH_MS);

/** What somebody types for a time of day ("8", "830", "8.30") as `HH:MM`; null if it is none. */
export function timeOfDay(typed: string): string | null {
  const text = typed.trim();
  if (!text) return "";
  const found = /^(\d{1,2})(?:[:.h]?(\d{2}))?$/.exec(text);
  const hours = Number(found?.[1]);
  const minutes = Number(found?.[2] ?? 0);
  if (!found || hours > 23 || minutes > 59) return null;
  return [hours, minutes].map((part) => String(part).padStart(2, "0")).join(":");
}

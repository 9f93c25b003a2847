/** When in a week a worker sleeps, by its schedule. */
import type { WorkerSleepSchedule } from "@/api/schema";

/** As the API writes them, Monday first. */
export const DAYS = ["mo", "tu", "we", "th", "fr", "sa", "su"] as const;
export const DAY_NAMES = [
  ...["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
] as const;
const DAY_MINUTES = 24 * 60;

/** From and to, in minutes of a day. */
export interface Span {
  from: number;
  to: number;
}

/** Minutes of `HH:MM`; `empty` for an empty text. */
export function minutesOf(text: string, empty: number): number {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text.trim());
  return found ? Number(found[1]) * 60 + Number(found[2]) : empty;
}

/** The days that a schedule names, all if it names none. */
export function daysOf(schedule: Pick<WorkerSleepSchedule, "days_of_week">): Set<number> {
  const named = schedule.days_of_week.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const found = new Set<number>();
  DAYS.forEach((day, index) => {
    if (!named.length || named.some((name) => name.startsWith(day))) found.add(index);
  });
  return found;
}

/** When it sleeps, for each day of the week; an end before the start is on the day after. */
export function sleepOf(schedule: WorkerSleepSchedule): Span[][] {
  const week: Span[][] = DAYS.map(() => []);
  const from = minutesOf(schedule.start_time, 0);
  const to = minutesOf(schedule.end_time, DAY_MINUTES);
  for (const day of daysOf(schedule)) {
    if (from < to) {
      week[day]!.push({ from, to });
    } else {
      week[day]!.push({ from, to: DAY_MINUTES });
      if (to > 0) week[(day + 1) % DAYS.length]!.push({ from: 0, to });
    }
  }
  return week;
}

export const share = (minutes: number): number => (100 * minutes) / DAY_MINUTES;

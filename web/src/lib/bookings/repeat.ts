/** Repetitions that people choose, as RRULEs of RFC 5545 and back. */
import { isoDay, weekday } from "./zoned";

export type Frequency = "none" | "daily" | "weekdays" | "weekly" | "biweekly" | "monthly";
export const FREQUENCIES: Frequency[] = ["none", "daily", "weekdays", "weekly", "biweekly", "monthly"];

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

export interface Repeat {
  frequency: Frequency;
  /** Days of the week, 0 for Monday; for weekly ones. */
  days: number[];
  /** How it ends: after so many times, or on a day. */
  count: number | null;
  until: number | null;
}

/** The rule of a repetition of what begins on `day`; null for none. */
export function ruleOf({ frequency, days, count, until }: Repeat, day: number): string | null {
  if (frequency === "none") return null;
  const parts: string[] = [];
  const chosen = [...new Set([...days, weekday(day)])].sort();
  const byDay = `BYDAY=${chosen.map((one) => DAYS[one]).join(",")}`;
  if (frequency === "daily") parts.push("FREQ=DAILY");
  else if (frequency === "weekdays") parts.push("FREQ=WEEKLY", "BYDAY=MO,TU,WE,TH,FR");
  else if (frequency === "weekly") parts.push("FREQ=WEEKLY", byDay);
  else if (frequency === "biweekly") parts.push("FREQ=WEEKLY", "INTERVAL=2", byDay);
  else parts.push("FREQ=MONTHLY", `BYDAY=${monthlyDay(day)}`);
  // The end of the local day: the rule is worked out by the local clock.
  if (until !== null) parts.push(`UNTIL=${isoDay(until).replaceAll("-", "")}T235959`);
  else parts.push(`COUNT=${count ?? 1}`);
  return parts.join(";");
}

/** The second Tuesday of the month is `2TU`; the fifth is the last. */
function monthlyDay(day: number): string {
  const nth = Math.ceil(new Date(day * 86_400_000).getUTCDate() / 7);
  return `${nth > 4 ? -1 : nth}${DAYS[weekday(day)]}`;
}

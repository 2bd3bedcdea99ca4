/** What the API tells in codes, as sentences. */
import type { Format } from "../format";
import { tf, type ForecastKey } from "./texts";
import type { Advice, Coded, Reason, SeriesInfo, Unit } from "./types";

const number = (value: unknown) => (typeof value === "number" ? value : 0);
const dayText = (value: unknown, format: Format) => format.day(`${String(value)}T12:00:00Z`);

function compared(percent: unknown, format: Format): string {
  const value = Math.round(number(percent));
  if (value === 0) return tf("fact.same");
  return tf(value > 0 ? "fact.above" : "fact.below", { percent: format.percent(Math.abs(value)) });
}

/** One reason why a forecast is as it is. */
export function factText({ fact, text }: Reason, info: SeriesInfo, format: Format): string {
  switch (fact.fact) {
    case "usual_week":
      return tf("fact.usualWeek", { n: number(fact.days) });
    case "level":
      return tf("fact.level", { compared: compared(fact.percent, format) });
    case "special_day":
      return tf("fact.specialDay", {
        day: dayText(fact.day, format),
        name: String(fact.name),
        compared: compared(fact.percent, format),
      });
    case "school_holidays":
      return tf("fact.school", { day: dayText(fact.day, format), compared: compared(fact.percent, format) });
    case "closed":
      return tf("fact.closed", { hours: format.number((number(fact.steps) * info.step_minutes) / 60, 1) });
    case "past_error":
      return tf("fact.pastError", { error: valueText(number(fact.mae), info, format), model: String(fact.model) });
    case "unused":
      return tf("fact.unused", { stuck: number(fact.stuck_steps), gaps: number(fact.gap_steps) });
    default:
      return text;
  }
}

/** Why there is no forecast. */
export function refusalText(reason: Coded, format: Format): string {
  const since = reason.since ? format.dateTime(String(reason.since)) : "";
  switch (reason.reason) {
    case "too_short":
      return tf("refusal.too_short", { days: format.number(number(reason.days), 1) });
    case "too_sparse":
      return tf("refusal.too_sparse", { percent: format.percent(100 * number(reason.share)) });
    case "silent":
      return tf("refusal.silent", { since });
    case "stuck":
      return tf("refusal.stuck", { since, value: format.number(number(reason.value), 1) });
    case "out_of_range":
      return tf("refusal.out_of_range", {
        at: format.dateTime(String(reason.at)),
        value: format.number(number(reason.value), 1),
      });
    case "nothing_similar":
      return tf("refusal.nothing_similar");
    default:
      return tf("refusal.empty");
  }
}

/** What to do with capacity, and what that rests on. */
export function adviceText(advice: Advice, format: Format): string {
  const n = (value: number) => format.number(value);
  const percent = (share: number) => format.percent(share * 100);
  switch (advice.advice) {
    case "close_zone":
      return tf("advice.close", {
        zone: advice.name,
        days: advice.days.map((day) => dayText(day, format)).join(", "),
        most: n(advice.most_taken),
        left: n(advice.capacity_left),
      });
    case "open_zone":
      return tf("advice.open", {
        zone: advice.name,
        from: format.dateTime(advice.from),
        expected: n(advice.expected),
        capacity: n(advice.capacity),
      });
    case "convert_spaces":
      return tf("advice.convert", {
        zone: advice.name,
        crowded: advice.crowded_name,
        share: percent(advice.crowded_share),
        peak: percent(advice.idle_peak),
      });
    case "staff_reception":
      return tf("advice.staff", {
        day: dayText(advice.day, format),
        from: advice.from_hour,
        until: advice.until_hour,
        expected: n(advice.expected),
        capacity: n(advice.capacity),
      });
  }
}

/** The part of a series' id that says what it measures. */
export function measureText(series: string): string {
  const [area, , last = ""] = series.split("/");
  if (area === "parking") return tf("measure.parking");
  if (area === "fed") return tf("measure.fed");
  if (last.startsWith("revenue-")) return tf("measure.revenue", { currency: last.slice("revenue-".length) });
  return tf(last === "parking" ? "measure.parking_space" : (`measure.${last}` as ForecastKey));
}

/** The currency of a series of revenue. */
export function currencyOf(series: string): string | null {
  return /\/revenue-([A-Z]{3})$/.exec(series)?.[1] ?? null;
}

/** A value of a series with its unit. */
export function valueText(value: number, info: { series: string; unit: Unit }, format: Format): string {
  const currency = currencyOf(info.series);
  if (currency) return format.currency(value, currency);
  const n = format.number(value, Math.abs(value) < 10 ? 1 : 0);
  return info.series.startsWith("fed/") ? n : tf("unit.places", { n });
}

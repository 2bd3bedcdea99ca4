/** What the API tells in codes, as sentences. */
import type { BookingFormat } from "./booking-format";
import { prefs } from "../prefs.svelte";
import { BookingFormat as Formatter } from "./booking-format";
import { tb, type BookingKey } from "./texts";
import type { QuoteLine, Refusal, Suggestion, Why } from "./types";

const MINUTE_CODES: Record<string, BookingKey> = {
  too_short: "refusal.too_short",
  too_long: "refusal.too_long",
  off_grid: "refusal.off_grid",
  too_late: "refusal.too_late",
  too_early: "refusal.too_early",
};

export function refusalText(refusal: Refusal): string {
  const format = new Formatter(prefs.language, "UTC");
  const { code, minutes = 0, people = 0, limit = 0, unit, period, needed = 0 } = refusal;
  const timed = MINUTE_CODES[code];
  if (timed) return tb(timed, { length: format.minutes(minutes) });
  switch (code) {
    case "past":
      return tb("refusal.past");
    case "closed":
      return tb("refusal.closed");
    case "out_of_service":
      return tb("refusal.out_of_service");
    case "too_many_people":
      return tb("refusal.too_many_people", { n: people });
    case "too_few_people":
      return tb("refusal.too_few_people", { n: people });
    case "quota_reached": {
      const much = unit === "minutes" ? format.minutes(limit) : tb("refusal.bookings", { n: limit });
      return tb("refusal.quota_reached", { much, period: tb(`period.${(period ?? "day") as "day"}`) });
    }
    case "not_enough_credits":
      return tb("refusal.not_enough_credits", { n: needed });
    default:
      return tb("refusal.other", { code });
  }
}

/** Why an alternative is one. */
export function suggestionText(
  { reason, shift_minutes, same_floor, missing_features }: Suggestion,
  format: BookingFormat,
): string {
  const shift = tb(shift_minutes < 0 ? "suggest.earlier" : "suggest.later", {
    length: format.minutes(Math.abs(shift_minutes)),
  });
  const parts: string[] = [];
  if (reason === "same_place_other_time") parts.push(tb("suggest.samePlace", { shift }));
  else if (reason === "other_place_same_time") parts.push(tb("suggest.sameTime"));
  else parts.push(tb("suggest.other", { shift }));
  if (reason !== "same_place_other_time" && same_floor) parts.push(tb("suggest.sameFloor"));
  if (missing_features.length > 0) parts.push(tb("suggest.missing", { features: missing_features.join(", ") }));
  return parts.join(" · ");
}

export function whyText(why: Why, name: (id: string) => string): string {
  if (why.kind === "your_habit") return tb("why.your_habit", { n: why.times });
  if (why.kind === "your_company") return tb("why.your_company", { n: why.people });
  if (why.kind === "instead_of") return tb("why.instead_of", { name: name(why.resource) });
  return tb(`why.${why.kind}`);
}

/** What a line of a quote is for. */
export function lineText(line: QuoteLine, name: (id: string) => string, format: BookingFormat): string {
  const unit = format.money({ cents: line.unit_cents ?? 0, currency: line.amount.currency });
  const percent = format.percent(line.quantity / 100, 2);
  const vars = { n: line.quantity, unit, percent, length: format.minutes(line.quantity) };
  const text = tb(`line.${line.kind}`, vars);
  return line.resource ? `${name(line.resource)}: ${text}` : text;
}

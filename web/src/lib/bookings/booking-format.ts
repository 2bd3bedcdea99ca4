/** Dates, lengths and amounts of bookings for people. */
import { dates, Format, numbers } from "../format";
import type { Charge, Money, Slot } from "./types";
import { DAY } from "./zoned";
import type { Language } from "../i18n/translate";

/** Where the one who looks is, as far as the browser knows. */
export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export class BookingFormat extends Format {
  /** Tuesday 24 November 2026 */
  longDay(at: number | string): string {
    const options = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
    return dates(this.language, this.zone, options).format(new Date(at));
  }

  /** 10:00 – 11:30 */
  span({ start, end }: Slot): string {
    return `${this.time(start)} – ${this.time(end)}`;
  }

  /** Tue 24 Nov, 10:00 – 11:30; with both days where it ends on another. */
  slot(slot: Slot): string {
    if (this.date(slot.start) === this.date(Date.parse(slot.end) - 1))
      return `${this.day(slot.start)}, ${this.span(slot)}`;
    return `${this.day(slot.start)}, ${this.time(slot.start)} – ${this.day(slot.end)}, ${this.time(slot.end)}`;
  }

  /** 1 h 30, for minutes. */
  minutes(minutes: number): string {
    return this.duration(minutes * 60);
  }

  money({ cents, currency }: Money): string {
    const format = numbers(this.language, { style: "currency", currency });
    return format.format(cents / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
  }

  /** What is paid: credits, or money. */
  charge(charge: Charge): string {
    if (charge.pay_with !== "credits") return this.money(charge.total);
    return `${this.number(charge.credits)} cr.`;
  }
}

/** Names of days by their number, which have no zone. */
export class DayNames {
  constructor(readonly language: Language) {}

  #format(day: number, options: Intl.DateTimeFormatOptions): string {
    return dates(this.language, "UTC", options).format(new Date(day * DAY));
  }

  /** Tue 24 */
  short = (day: number) => this.#format(day, { weekday: "short", day: "numeric" });
  /** Tue 24 Nov */
  medium = (day: number) => this.#format(day, { weekday: "short", day: "numeric", month: "short" });
  /** Tuesday 24 November 2026 */
  long = (day: number) => this.#format(day, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  /** November 2026 */
  month = (day: number) => this.#format(day, { month: "long", year: "numeric" });
  /** 24 */
  number = (day: number) => this.#format(day, { day: "numeric" });
  /** Tue; 0 is Monday. */
  weekday = (weekday: number, width: "short" | "long" = "short") => this.#format(4 + weekday, { weekday: width });
}

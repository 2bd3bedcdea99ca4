/** Dates and numbers for people: by Intl, in the language of the page and the time zone of the place. */
import type { Language } from "./i18n/translate";

const LOCALES: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };
const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

/** An amount in the smallest unit of its currency (ISO 4217). */
export interface Money {
  cents: number;
  currency: string;
}

type Instant = string | number | Date;

export function dates(language: Language, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `d|${language}|${zone}|${JSON.stringify(options)}`;
  let format = made.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) {
    format = new Intl.DateTimeFormat(LOCALES[language], { ...options, timeZone: knownZone(zone) });
    made.set(key, format);
  }
  return format;
}

export function numbers(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n|${language}|${JSON.stringify(options)}`;
  let format = made.get(key) as Intl.NumberFormat | undefined;
  if (!format) {
    format = new Intl.NumberFormat(LOCALES[language], options);
    made.set(key, format);
  }
  return format;
}

/** A zone the browser does not know must not take the page down. */
export function knownZone(zone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

export class Format {
  constructor(
    readonly language: Language,
    readonly zone: string,
  ) {}

  /** 10:42 */
  time(at: Instant): string {
    return dates(this.language, this.zone, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
  }

  /** 10:42:07 */
  seconds(at: Instant): string {
    return dates(this.language, this.zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(
      new Date(at),
    );
  }

  /** Time alone for today, with the date otherwise. */
  moment(at: Instant, now: number = Date.now()): string {
    return this.date(at) === this.date(now) ? this.seconds(at) : this.dateTime(at);
  }

  /** 21 Nov, 10:42 */
  dateTime(at: Instant): string {
    const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;
    return dates(this.language, this.zone, options).format(new Date(at));
  }

  /** 21 Nov 2026 */
  date(at: Instant): string {
    return dates(this.language, this.zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(at));
  }

  /** Sat 21 Nov */
  day(at: Instant): string {
    return dates(this.language, this.zone, { weekday: "short", day: "numeric", month: "short" }).format(new Date(at));
  }

  /** The local day, 2026-11-21, and the hour of it. */
  localHour(at: Instant): { day: string; hour: number } {
    const local = toLocalInput(Number(new Date(at)), this.zone);
    return { day: local.slice(0, 10), hour: Number(local.slice(11, 13)) };
  }

  /** An amount in units of its currency: €12.50 */
  currency(value: number, currency: string): string {
    return numbers(this.language, { style: "currency", currency, maximumFractionDigits: 2 }).format(value);
  }

  /** Europe/Paris (UTC+1) */
  zoneName(at: Instant = Date.now()): string {
    if (this.zone === "UTC") return "UTC";
    const parts = dates(this.language, this.zone, { timeZoneName: "shortOffset" }).formatToParts(new Date(at));
    const offset = parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
    return `${this.zone.replaceAll("_", " ")} (${offset.replace("GMT", "UTC")})`;
  }

  number(value: number, digits = 0): string {
    return numbers(this.language, { maximumFractionDigits: digits }).format(value);
  }

  /** €2.40, for an amount in the currency's smallest unit. */
  money({ cents, currency }: Money): string {
    const format = numbers(this.language, { style: "currency", currency });
    return format.format(cents / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
  }

  /** `value` is in percent already. */
  percent(value: number, digits = 0): string {
    return numbers(this.language, { style: "percent", maximumFractionDigits: digits }).format(value / 100);
  }

  /** 45 s, 12 min, 2 h 05 min, 3 d 4 h */
  duration(seconds: number): string {
    const total = Math.max(0, Math.round(seconds));
    const day = this.language === "fr" ? "j" : "d";
    if (total < 60) return `${total} s`;
    const minutes = Math.floor(total / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
    return `${Math.floor(hours / 24)} ${day} ${hours % 24} h`;
  }
}

/** Confidence comes as 0..1 from field sensors and as a percentage from the packed live state. */
export function asPercent(confidence: number): number {
  return confidence <= 1 ? confidence * 100 : confidence;
}

/** What `<input type="datetime-local">` shows for an instant, in a place's time zone. */
export function toLocalInput(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: knownZone(zone),
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(at));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? "00";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/**
 * The instant (epoch ms) that a local date and time mean in a time zone; NaN for text that is no date. In the hour that a
 * clock change skips or repeats, one of the two readings is taken.
 */
export function fromLocalInput(text: string, zone: string): number {
  const asUtc = Date.parse(`${text}Z`);
  let guess = asUtc;
  // The offset at the guess corrects it; twice, since the first correction may cross a clock change.
  for (let round = 0; round < 2 && !Number.isNaN(guess); round++) {
    const shown = Date.parse(`${toLocalInput(guess, zone)}Z`);
    guess += asUtc - shown;
  }
  return guess;
}

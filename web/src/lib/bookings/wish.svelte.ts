/** What somebody is about to book: its price, whether it can be had, and what else could, before anything is written. */
import { ApiError, newKey } from "../api/client";
import { isFree, slotOf, type Span } from "./apply";
import { rejection, type BookingsApi, type NewSeries } from "./client";
import { ruleOf, type Repeat } from "./repeat";
import type {
  Booking,
  Guest,
  Item,
  Occurrence,
  PayWith,
  Quote,
  Refusal,
  SeriesResult,
  Slot,
  Suggestion,
} from "./types";
import { clock, dayOf, instantOf, isoDay, isoWall, MINUTE, minuteOf, parseClock, parseDay, toWall } from "./zoned";

const SUGGESTIONS = 5;
/** As long as somebody still types or drags, nothing is asked. */
const ASK_MS = 300;

/** What is known of a wish before it is booked. */
interface Found {
  taken: boolean;
  suggestions?: Suggestion[];
  refusals?: Refusal[];
  occurrences?: Occurrence[];
}

export class Wish {
  title = $state("");
  /** `resource:<id>` or `pool:<id>`; what is wished first. */
  target = $state("");
  /** Equipment and the like, taken along: all or nothing. */
  extras = $state<string[]>([]);
  /** By the place's clock. */
  date = $state("");
  from = $state("");
  to = $state("");
  participants = $state(1);
  guests = $state("");
  payWith = $state<PayWith>("money");
  repeat = $state<Repeat>({ frequency: "none", days: [], count: 10, until: null });

  quote = $state.raw<Quote | null>(null);
  /** Somebody else has it; with what could be had instead. */
  taken = $state(false);
  suggestions = $state.raw<Suggestion[]>([]);
  refusals = $state.raw<Refusal[]>([]);
  occurrences = $state.raw<Occurrence[] | null>(null);
  checking = $state(false);
  failure = $state.raw<unknown>(null);

  readonly zone: string;
  #api: BookingsApi;
  #asked = 0;
  /** The key of what is being written, kept while it is the same wish. */
  #key = { of: "", value: "" };
  /** Local starts that a repetition leaves out: that of a booking which is there already. */
  #except: string[];

  constructor(api: BookingsApi, zone: string, target: string, span: Span, except: string[] = []) {
    this.#api = api;
    this.zone = zone;
    this.#except = except;
    this.target = target;
    this.setSpan(span);
  }

  setSpan(span: Span): void {
    const [start, end] = [toWall(span.start, this.zone), toWall(span.end, this.zone)];
    this.date = isoDay(dayOf(start));
    this.from = clock(minuteOf(start));
    this.to = clock(minuteOf(end));
  }

  /** The slot; null while the fields make none. An end at or before the start is on the next day. */
  get slot(): Slot | null {
    const day = parseDay(this.date);
    const [from, to] = [parseClock(this.from), parseClock(this.to)];
    if (day === null || Number.isNaN(from) || Number.isNaN(to)) return null;
    const end = to > from ? to : to + 24 * 60;
    return slotOf({ start: instantOf(day, from, this.zone), end: instantOf(day, end, this.zone) });
  }

  get items(): Item[] {
    const [kind, id] = split(this.target);
    const first: Item = kind === "pool" ? { pool: id } : { resource: id };
    return [first, ...this.extras.filter((extra) => extra !== id).map((extra) => ({ resource: extra }))];
  }

  get rule(): string | null {
    const day = parseDay(this.date);
    return day === null ? null : ruleOf(this.repeat, day);
  }

  get conflicts(): Occurrence[] {
    return (this.occurrences ?? []).filter((one) => one.outcome === "taken" || one.outcome === "refused");
  }

  /** Everything on which price and availability depend, for asking again when it changes. */
  get question(): string {
    const { items, slot, participants, payWith, rule } = this;
    return JSON.stringify([items, slot, participants, payWith, rule]);
  }

  /** Asks once the wish rests: an answer that is on its way is of another one. Gives what calls it off. */
  checkSoon(loggedIn: boolean): () => void {
    this.#asked++;
    this.checking = true;
    const timer = setTimeout(() => void this.check(loggedIn), ASK_MS);
    return () => clearTimeout(timer);
  }

  /** Asks for the price, and whether it can be had. */
  async check(loggedIn: boolean): Promise<void> {
    const asked = ++this.#asked;
    const { slot, items, rule, participants, payWith } = this;
    this.checking = slot !== null;
    if (!slot) return;
    try {
      const [price, found] = await Promise.all([
        loggedIn ? this.#price(this.#api.quote(items, slot, participants, payWith, rule !== null)) : null,
        loggedIn ? this.#try(slot, items, rule) : this.#look(slot, items),
      ]);
      if (asked !== this.#asked) return;
      this.quote = price?.quote ?? null;
      this.failure = null;
      this.occurrences = found.occurrences ?? null;
      // Without a price the reasons are those of the quote, which knows quotas too; those of a date stand beside it.
      this.refusals = this.conflicts.length > 0 ? [] : (price?.refusals ?? found.refusals ?? []);
      this.taken = found.taken;
      this.suggestions = found.suggestions ?? [];
    } catch (error) {
      if (asked === this.#asked) {
        // What was found before was of another wish.
        this.quote = this.occurrences = null;
        this.#refused(error);
      }
    } finally {
      if (asked === this.#asked) this.checking = false;
    }
  }

  /** The price, or what the rules have against the wish. */
  async #price(
    asked: Promise<Quote>,
  ): Promise<{ quote: Quote; refusals?: undefined } | { quote: null; refusals: Refusal[] }> {
    try {
      return { quote: await asked };
    } catch (error) {
      const refusals = rejection(error)?.refusals ?? [];
      if (refusals.length === 0) throw error;
      return { quote: null, refusals };
    }
  }

  /** What would become of it by the rules: a series that is not written, of one date where it does not repeat. */
  async #try(slot: Slot, items: Item[], rule: string | null): Promise<Found> {
    const { occurrences } = await this.#api.trySeries(this.#series("free_only", rule ?? "FREQ=DAILY;COUNT=1"));
    if (rule) return { taken: false, occurrences };
    const { outcome, refusals } = occurrences[0]!;
    if (outcome === "taken") return { taken: true, suggestions: await this.#suggest(slot, items) };
    return { taken: false, refusals: outcome === "refused" ? refusals : [] };
  }

  /** The same for a visitor, who is told less: whether it is free. */
  async #look(slot: Slot, items: Item[]): Promise<Found> {
    const span = { start: Date.parse(slot.start), end: Date.parse(slot.end) };
    const each = items.map(async (item) => {
      const times = await this.#api.availability({ from: slot.start, to: slot.end, ...item });
      return times.some((one) => isFree(one, span));
    });
    if ((await Promise.all(each)).every(Boolean)) return { taken: false };
    return { taken: true, suggestions: await this.#suggest(slot, items) };
  }

  #suggest({ start, end }: Slot, items: Item[]): Promise<Suggestion[]> {
    return this.#api.suggestions({ ...items[0], start, end, participants: this.participants, limit: SUGGESTIONS });
  }

  /** Books, or joins the waitlist; null when it was refused, which is told by the fields. */
  async book(waitlist = false): Promise<Booking | null> {
    const { slot, items, participants } = this;
    if (!slot) return null;
    const guests = parseGuests(this.guests);
    const wish = { items, slot, title: this.title.trim(), participants, guests, pay_with: this.payWith };
    const told = {
      ...wish,
      quote: waitlist ? undefined : this.quote?.token,
      waitlist: waitlist || undefined,
      suggest: true,
    };
    return this.#write(told, (key) => this.#api.book(told, key));
  }

  /** Books the repetition: what is free of it, or all of it. */
  async bookSeries(mode: NewSeries["mode"]): Promise<SeriesResult | null> {
    const series = this.#series(mode);
    return this.#write(series, (key) => this.#api.bookSeries(series, key));
  }

  async #write<T>(what: unknown, send: (key: string) => Promise<T>): Promise<T | null> {
    const of = JSON.stringify(what);
    if (this.#key.of !== of) this.#key = { of, value: newKey() };
    this.checking = true;
    try {
      return await send(this.#key.value);
    } catch (error) {
      // A refusal is an answer: the next try is another question. Without an answer, the same key asks again.
      if (error instanceof ApiError) this.#key = { of: "", value: "" };
      this.#refused(error);
      return null;
    } finally {
      this.checking = false;
    }
  }

  #refused(error: unknown): void {
    const told = rejection(error);
    this.failure = error;
    this.refusals = told?.refusals ?? [];
    if (told?.slug === "taken") {
      this.taken = told.occurrences.length === 0;
      if (told.suggestions.length > 0) this.suggestions = told.suggestions;
      if (told.occurrences.length > 0) this.occurrences = told.occurrences;
    }
    if (told?.slug.startsWith("quote-")) this.quote = null;
  }

  #series(mode: NewSeries["mode"], rule = this.rule ?? ""): NewSeries {
    const slot = this.slot!;
    const start = Date.parse(slot.start);
    return {
      recurrence: {
        local_start: isoWall(toWall(start, this.zone)),
        timezone: this.zone,
        minutes: Math.round((Date.parse(slot.end) - start) / MINUTE),
        rule,
        except: this.#except,
      },
      items: this.items,
      title: this.title.trim() || "-",
      participants: this.participants,
      guests: parseGuests(this.guests),
      pay_with: this.payWith,
      mode,
    };
  }
}

function split(target: string): [string, string] {
  const at = target.indexOf(":");
  return [target.slice(0, at), target.slice(at + 1)];
}

/** A guest a line: `Ada Lovelace <ada@example.org>`, `ada@example.org` or a name alone. */
export function parseGuests(text: string): Guest[] {
  return text
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const match = /^(.*?)\s*<([^<>\s]+@[^<>\s]+)>$/.exec(line);
      if (match) return { name: match[1] || match[2]!, email: match[2]! };
      return { name: line, email: line.includes("@") ? line : null };
    });
}

export function guestLines(guests: Guest[]): string {
  return guests.map(({ name, email }) => (!email || email === name ? name : `${name} <${email}>`)).join("\n");
}

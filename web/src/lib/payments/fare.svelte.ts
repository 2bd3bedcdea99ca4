/** What somebody is about to park: zone, vehicle and length, with the price curve, the exact quote and why there is none. */
import { ApiError } from "../api/client";
import type { Holder, PaymentsApi } from "./client";
import { indexOf, lengthOf } from "./dial";
import type { ExplainedQuote, Length, PricePoint, Prices, Qualification, Vehicle } from "./types";

/** More steps than a finger can tell apart on a dial. */
const MOST_POINTS = 200;
const QUOTE_AFTER_MS = 180;
const USUAL_MINUTES = 60;

export interface FareWish {
  zone: string;
  plate: string | undefined;
  vehicle: Vehicle;
}

export class Fare {
  prices = $state.raw<Prices | null>(null);
  /** The paid time that is wanted, in minutes. */
  minutes = $state(USUAL_MINUTES);
  /** Of the chosen point; null until it is there. */
  quote = $state.raw<ExplainedQuote | null>(null);
  /** Why there is no price. */
  error = $state.raw<unknown>(null);
  reading = $state(false);

  readonly points = $derived(this.prices?.points ?? []);
  readonly index = $derived(this.points.length > 0 ? indexOf(this.points, this.minutes) : 0);
  readonly point = $derived<PricePoint | null>(this.points[this.index] ?? null);
  /** How the chosen point is asked for. */
  readonly length = $derived<Length | null>(this.prices && this.point ? lengthOf(this.prices, this.point) : null);

  #api: PaymentsApi;
  #wish: FareWish | null = null;
  #qualification: Qualification = "visitor";
  /** Of the curves and of the quotes that were asked for: an answer that is overtaken counts no more. */
  #asked = 0;
  #quoted = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: PaymentsApi) {
    this.#api = api;
  }

  /** The right under which the curve was read: that of the plate, once a quote has told it. */
  get qualification(): Qualification {
    return this.#qualification;
  }

  /** Another zone or vehicle. */
  async want(wish: FareWish): Promise<void> {
    this.#wish = wish;
    this.#qualification = "visitor";
    this.prices = null;
    this.quote = null;
    await this.refresh();
  }

  /** Reads the curve again from now on; the wanted length stays. */
  async refresh(): Promise<void> {
    const wish = this.#wish;
    if (!wish) return;
    const own = ++this.#asked;
    this.#dropQuote();
    this.reading = true;
    const holder: Holder = { vehicle: wish.vehicle, qualification: this.#qualification };
    try {
      const prices = await this.#api.prices(wish.zone, holder, MOST_POINTS);
      if (own !== this.#asked) return;
      this.prices = prices;
      this.error = null;
      this.reading = false;
      this.#quoteSoon(0);
    } catch (error) {
      if (own !== this.#asked) return;
      this.reading = false;
      this.prices = null;
      this.quote = null;
      this.error = error;
    }
  }

  /** Turns the dial to a step. */
  choose(index: number): void {
    const point = this.points[index];
    if (!point || point.minutes === this.minutes) return;
    this.minutes = point.minutes;
    this.quote = null;
    this.#dropQuote();
    // A curve on its way asks for the quote itself.
    if (!this.reading) this.#quoteSoon(QUOTE_AFTER_MS);
  }

  dispose(): void {
    this.#dropQuote();
    this.#asked++;
  }

  /** A quote that is on its way is of another length, or of another zone. */
  #dropQuote(): void {
    clearTimeout(this.#timer);
    this.#quoted++;
  }

  #quoteSoon(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#readQuote(), wait);
  }

  async #readQuote(): Promise<void> {
    const { length } = this;
    const wish = this.#wish;
    if (!wish || !length) return;
    const own = ++this.#quoted;
    try {
      const quote = await this.#api.quote(wish.zone, wish.plate, wish.vehicle, length);
      if (own !== this.#quoted) return;
      this.quote = quote;
      this.error = null;
      if (quote.qualification !== this.#qualification) {
        // The plate has a right of its own here: its curve is another one.
        this.#qualification = quote.qualification;
        await this.refresh();
      }
    } catch (error) {
      if (own !== this.#quoted) return;
      this.quote = null;
      this.error = error;
    }
  }
}

/** The quote that the server has answered a refused price with. */
export function changedPrice(error: unknown): boolean {
  return error instanceof ApiError && error.slug === "price-changed";
}

/** How much longer a stay may be: the curve of the whole stay from its paid end on, and the exact quote of the chosen end. */
import type { PaymentsApi } from "./client";
import { indexOf } from "./dial";
import type { ExplainedQuote, ParkingSession, PricePoint } from "./types";

const MOST_POINTS = 300;
const QUOTE_AFTER_MS = 180;
/** Offered first: this much longer, in minutes. */
const USUAL_MINUTES = 30;

/** Points of the whole stay's curve that lie behind what is paid. */
export function laterThan(points: readonly PricePoint[], end: string): PricePoint[] {
  return points.filter((point) => Date.parse(point.end) > Date.parse(end));
}

/** Paid minutes at the present end: those of the last point that is not behind it. */
export function paidMinutes(points: readonly PricePoint[], end: string): number {
  return points.filter((point) => Date.parse(point.end) <= Date.parse(end)).at(-1)?.minutes ?? 0;
}

export class Extension {
  points = $state.raw<PricePoint[]>([]);
  loaded = $state(false);
  index = $state(0);
  /** Minutes that are paid already. */
  paid = $state(0);
  quote = $state.raw<ExplainedQuote | null>(null);
  error = $state.raw<unknown>(null);

  readonly point = $derived<PricePoint | null>(this.points[this.index] ?? null);

  #api: PaymentsApi;
  #stay: ParkingSession;
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: PaymentsApi, stay: ParkingSession) {
    this.#api = api;
    this.#stay = stay;
  }

  async read(): Promise<void> {
    const { zone, vehicle, qualification, start, end } = this.#stay;
    try {
      const { points } = await this.#api.prices(zone, { vehicle, qualification }, MOST_POINTS, start);
      this.points = laterThan(points, end);
      this.paid = paidMinutes(points, end);
      this.index = this.points.length > 0 ? indexOf(this.points, this.paid + USUAL_MINUTES) : 0;
      this.error = null;
      this.loaded = true;
      await this.readQuote();
    } catch (error) {
      this.error = error;
    }
  }

  choose(index: number): void {
    if (!this.points[index] || index === this.index) return;
    this.index = index;
    this.quote = null;
    // A quote that is on its way is of another end.
    this.dispose();
    this.#timer = setTimeout(() => void this.readQuote(), QUOTE_AFTER_MS);
  }

  async readQuote(): Promise<void> {
    const { point } = this;
    if (!point) return;
    const own = ++this.#asked;
    try {
      const quote = await this.#api.extensionQuote(this.#stay.id, point.end);
      if (own !== this.#asked) return;
      this.quote = quote;
      this.error = null;
    } catch (error) {
      if (own === this.#asked) this.error = error;
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#asked++;
  }
}

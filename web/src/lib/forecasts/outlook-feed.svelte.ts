/** The forecast of a car park beside its live figures, read again every few minutes. */
import { ApiError } from "../api/client";
import { ratesOf, type BandPoint } from "./bands";
import type { ForecastsApi } from "./client";
import type { Forecast } from "./types";

const EVERY_MS = 5 * 60_000;
/** How much of the future the charts of the dashboard show at most. */
const HOURS = 24;

export class OutlookFeed {
  forecast = $state.raw<Forecast | null>(null);
  /** Occupancy in percent, of today's passed hours as it was forecast in the morning, then from now on. */
  readonly rates = $derived(this.#rates());
  #api: ForecastsApi;
  #series: string;

  constructor(api: ForecastsApi, series: string) {
    this.#api = api;
    this.#series = series;
  }

  /** Reads now and again until it is ended. */
  start(): () => void {
    void this.#read();
    const timer = setInterval(() => void this.#read(), EVERY_MS);
    return () => clearInterval(timer);
  }

  async #read(): Promise<void> {
    try {
      this.forecast = await this.#api.forecast(this.#series, HOURS);
    } catch (error) {
      // A car park that was only just made has none; otherwise the last forecast stays, which says from when it is.
      if (error instanceof ApiError && error.status === 404) this.forecast = null;
    }
  }

  #rates(): BandPoint[] {
    const forecast = this.forecast;
    if (!forecast?.capacity) return [];
    const now = ratesOf(forecast.steps, forecast.capacity);
    const first = now[0]?.at ?? Infinity;
    return [...ratesOf(forecast.earlier, forecast.capacity).filter((point) => point.at < first), ...now];
  }
}

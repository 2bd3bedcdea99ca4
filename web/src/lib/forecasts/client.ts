/** The forecasts API. Car parks are public; what is booked, earned or fed needs a login. */
import type { Api } from "../api/client";
import type { Accuracy, Advice, Arrival, Backtest, Forecast, SeriesInfo, Suggestion } from "./types";

type Query = Record<string, string | number | null | undefined>;

/** Where a series is read: its path and what goes into the query. */
function address(series: string): { path: string; query: Query; own: boolean } {
  const [area, first = "", second] = series.split("/");
  const part = encodeURIComponent;
  if (area === "parking") return { path: `/v1/forecasts/${part(first)}`, query: { zone: second }, own: false };
  if (area === "coworking") return { path: `/v1/demand/${part(first)}/${part(second ?? "")}`, query: {}, own: true };
  return { path: `/v1/time-series/${part(first)}`, query: {}, own: true };
}

export class ForecastsApi {
  #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  #read<T>(own: boolean, path: string, query: Query): Promise<T> {
    return own ? this.#api.own<T>(path, query) : this.#api.get<T>(path, query);
  }

  /** The series that one may see; `staff` sees those that are not public too. */
  async series(staff: boolean): Promise<SeriesInfo[]> {
    type List = { series: SeriesInfo[] };
    const parts = [this.#api.get<List>("/v1/forecasts")];
    if (staff) parts.push(this.#api.own<List>("/v1/demand"), this.#api.own<List>("/v1/time-series"));
    return (await Promise.all(parts)).flatMap((list) => list.series);
  }

  forecast(series: string, hours: number): Promise<Forecast> {
    const { path, query, own } = address(series);
    // A fed series has its forecast beside its observations.
    const whole = series.startsWith("fed/") ? `${path}/forecast` : path;
    return this.#read(own, whole, { ...query, hours, earlier: "true" });
  }

  accuracy(series: string, days: number, points: boolean): Promise<Accuracy> {
    const { path, query, own } = address(series);
    return this.#read(own, `${path}/accuracy`, { ...query, days, points: points ? "true" : null });
  }

  arrival = (place: string, zone: string | null, at: number) =>
    this.#api.get<Arrival>(`/v1/forecasts/${encodeURIComponent(place)}/arrival`, {
      zone,
      at: new Date(at).toISOString(),
    });

  suggestions = async (place: string, at: number) =>
    (
      await this.#api.get<{ suggestions: Suggestion[] }>(`/v1/forecasts/${encodeURIComponent(place)}/suggestions`, {
        at: new Date(at).toISOString(),
      })
    ).suggestions;

  /** For staff: what to do with the capacity of a car park or of a site. */
  advice = async (series: string) => {
    const [area, id] = series.split("/");
    const where = area === "parking" ? { place: id } : { site: id };
    return (await this.#api.own<{ advice: Advice[] }>("/v1/advice", where)).advice;
  };

  backtests = async (series: string) =>
    (await this.#api.own<{ backtests: Backtest[] }>("/v1/backtests", { series })).backtests;
  backtest = (series: string, id: string) =>
    this.#api.own<Backtest>(`/v1/backtests/${encodeURIComponent(id)}`, { series });
  test = async (wish: { series: string; from: string; every_hours: number; horizon_hours: number }) =>
    (await this.#api.send<Backtest>("POST", "/v1/backtests", { body: wish })).body!;
}

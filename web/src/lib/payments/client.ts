/** The payments and ledger APIs. Writes carry ids that the page makes, so that a repetition after a lost answer does nothing twice. */
import { ApiError, withQuery, type Api } from "../api/client";
import type {
  Books,
  By,
  ExplainedQuote,
  Findings,
  Length,
  NewSession,
  Offer,
  PaidBack,
  ParkingSession,
  PayWith,
  PersonalData,
  Prices,
  Qualification,
  Receipt,
  Revenue,
  SessionList,
  StopPreview,
  TopUp,
  Vehicle,
  Wallet,
} from "./types";

type Query = Record<string, string | number | null | undefined>;

const PARKING = "/v1/parking";
const WALLET = "/v1/me/wallet";
const TOP_UPS = `${WALLET}/top-ups`;

/** Whose price is asked for. */
export interface Holder {
  vehicle: Vehicle;
  qualification: Qualification;
}

export interface TariffFile {
  text: string;
  /** Absent as long as no book is in force. */
  version: number | undefined;
}

export class PaymentsApi {
  #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  offer = () => this.#api.get<Offer>(`${PARKING}/zones`);

  prices = (zone: string, holder: Holder, points: number, start?: string) =>
    this.#api.get<Prices>(`${PARKING}/zones/${encodeURIComponent(zone)}/prices`, {
      ...holderQuery(holder),
      points,
      start,
    });

  /** With a plate what its driver, who is logged in, pays: its permits count. Without one what anybody pays. */
  quote = (zone: string, plate: string | undefined, vehicle: Vehicle, length: Length) =>
    this.#post<ExplainedQuote>(`${PARKING}/${plate ? "session-quotes" : "quotes"}`, {
      zone,
      plate,
      vehicle,
      ...length,
    });

  start = (wish: NewSession & Length) => this.#post<ParkingSession>(`${PARKING}/sessions`, wish);
  sessions = (cursor?: string) => this.#api.own<SessionList>(`${PARKING}/sessions`, { limit: 20, cursor });
  session = (id: string) => this.#api.own<ParkingSession>(sessionPath(id));
  settle = (id: string) => this.#post<ParkingSession>(`${sessionPath(id)}/settle`, {});
  extensionQuote = (id: string, end: string) =>
    this.#post<ExplainedQuote>(`${sessionPath(id)}/extension-quote`, { end });
  extend = (id: string, wish: { id: string; end: string; price_cents: number; pay: PayWith }) =>
    this.#post<ParkingSession>(`${sessionPath(id)}/extend`, wish);
  stopPreview = (id: string) => this.#api.own<StopPreview>(`${sessionPath(id)}/stop`);
  stop = (id: string) => this.#post<ParkingSession>(`${sessionPath(id)}/stop`, {});

  receipts = async (session: string) =>
    (await this.#api.own<{ receipts: Receipt[] }>(`${PARKING}/receipts`, { session })).receipts;
  document = (number: string, kind: "pdf" | "html", lang: string) =>
    this.file(`${PARKING}/receipts/${encodeURIComponent(number)}/document.${kind}`, { lang });

  wallet = () => this.#api.own<Wallet>(WALLET);
  payBack = () => this.#post<PaidBack>(`${WALLET}/pay-back`, {});
  topUp = (wish: { id: string; cents: number; pay: PayWith }) => this.#post<TopUp>(TOP_UPS, wish);
  settleTopUp = (id: string) => this.#post<TopUp>(`${TOP_UPS}/${encodeURIComponent(id)}/settle`, {});
  stopTopUp = (id: string) => this.#post<TopUp>(`${TOP_UPS}/${encodeURIComponent(id)}/stop`, {});

  personalData = () => this.#api.own<PersonalData>("/v1/me/parking-data");
  erase = () => this.#api.send("DELETE", "/v1/me/parking-data");

  revenue = (by: By, range: { from: string; to: string }) =>
    this.#api.own<Revenue>(`${PARKING}/revenue`, { by, ...range });
  books = () => this.#api.own<Books>(`${PARKING}/books`);

  /** The book in force; an empty text when there is none yet. */
  async tariffs(): Promise<TariffFile> {
    try {
      const response = await this.#api.file(this.#url(`${PARKING}/tariffs`), new AbortController().signal);
      const version = Number.parseInt((response.headers.get("etag") ?? "").replace(/\D/g, ""), 10);
      return { text: await response.text(), version: Number.isNaN(version) ? undefined : version };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return { text: "", version: undefined };
      throw error;
    }
  }

  checkTariffs = (text: string) => this.#toml<Findings>(`${PARKING}/tariffs/check`, text);
  /** What a stay would cost under a book that is not in force. */
  previewTariffs = (text: string, zone: string, holder: Holder, points: number, start?: string) =>
    this.#toml<Prices>(withQuery(`${PARKING}/tariffs/preview`, { zone, ...holderQuery(holder), points, start }), text);

  /** Puts a book in force; its new version. */
  async replaceTariffs({ text, version }: TariffFile): Promise<number | undefined> {
    const raw = { body: text, type: "application/toml" };
    const { version: after } = await this.#api.send<Findings>("PUT", `${PARKING}/tariffs`, { raw, version });
    return after ?? undefined;
  }

  file = (path: string, query: Query = {}) => this.#api.ownFile(this.#url(path, query), new AbortController().signal);

  #url(path: string, query: Query = {}): string {
    return new URL(this.#api.url(path, query), location.href).toString();
  }

  async #toml<T>(path: string, text: string): Promise<T> {
    return (await this.#api.send<T>("POST", path, { raw: { body: text, type: "application/toml" } })).body!;
  }

  async #post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#api.send<T>("POST", path, { body })).body!;
  }
}

function sessionPath(id: string): string {
  return `${PARKING}/sessions/${encodeURIComponent(id)}`;
}

function holderQuery({ vehicle, qualification }: Holder): Query {
  return {
    class: vehicle.class,
    electric: String(vehicle.electric),
    critair: vehicle.critair,
    qualification,
  };
}

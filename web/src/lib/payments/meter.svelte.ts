/** What all payment pages share: the API, what is sold, the register's zones, one's own stays and vehicles, and what is said. */
import { getContext, setContext } from "svelte";
import type { App } from "../app";
import { Format } from "../format";
import { PlacesFeed } from "../live/places-feed.svelte";
import { Notices } from "../notices.svelte";
import { prefs } from "../prefs.svelte";
import { PaymentsApi } from "./client";
import { spotsOf, type Spot } from "./nearest";
import { failureText } from "./sentences";
import { SessionsFeed } from "./sessions-feed.svelte";
import type { Offer, ParkingSession } from "./types";
import { Vehicles } from "./vehicles.svelte";

const KEY = Symbol("meter");
/** What is sold is asked for again by itself: a phone on the street loses its network for moments. */
const AGAIN_MS = 5_000;

export class Meter extends Notices {
  readonly app: App;
  readonly api: PaymentsApi;
  readonly places: PlacesFeed;
  readonly stays: SessionsFeed;
  readonly vehicles = new Vehicles();
  offer = $state.raw<Offer | null>(null);
  /** Nothing is sold as long as no tariff book is in force. */
  closed = $state(false);
  failed = $state(false);
  /** In cents; null until it is known. */
  wallet = $state<number | null>(null);

  /** Of the tariffs: all times and amounts of parking are told by it. */
  readonly format = $derived(new Format(prefs.language, this.offer?.timezone ?? "UTC"));
  readonly spots = $derived.by((): Spot[] => spotsOf(this.offer?.zones ?? [], this.places.places));

  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App) {
    super();
    this.app = app;
    this.api = new PaymentsApi(app.api);
    this.places = new PlacesFeed(app.api);
    this.stays = new SessionsFeed(this.api);
  }

  async load(): Promise<void> {
    clearTimeout(this.#again);
    try {
      this.offer = await this.api.offer();
      this.closed = this.offer.zones.length === 0;
      this.failed = false;
    } catch (error) {
      this.closed = isMissing(error);
      this.failed = !this.closed;
      if (this.failed) this.#again = setTimeout(() => void this.load(), AGAIN_MS);
    }
  }

  /** Reads what the wallet holds; a failure leaves it unknown, and cards remain. */
  async readWallet(): Promise<void> {
    this.wallet = await this.api.personalData().then(
      (data) => data.wallet_cents,
      () => null,
    );
  }

  money = (cents: number): string => this.format.money({ cents, currency: this.offer?.currency ?? "EUR" });

  zoneName(zone: string): string {
    return this.spots.find((spot) => spot.zone === zone)?.name ?? zone;
  }

  complain(error: unknown): void {
    this.say(failureText(error, this.format), true);
  }

  written = (session: ParkingSession): void => this.stays.put(session);

  dispose(): void {
    clearTimeout(this.#again);
    this.places.dispose();
  }

  /** Forgets whoever was logged in. */
  clear(): void {
    this.stays.clear();
    this.wallet = null;
  }
}

function isMissing(error: unknown): boolean {
  return (error as { status?: number }).status === 404;
}

export function provideMeter(meter: Meter): void {
  setContext(KEY, meter);
}

export function useMeter(): Meter {
  return getContext<Meter>(KEY);
}

/**
 * The page's link to the world: MQTT when it can be had, HTTP polling when it cannot, and an honest "lost" when neither answers.
 *
 *   connecting --up, subscribed, read--> live --down--> polling <--read ok / read failed--> lost
 *        \____________ read ok _____________________________/        (MQTT is retried with backoff all along)
 */
import { backoffMs } from "./backoff";
import { matches, type Connect, type Transport } from "./transport";

export type LinkState = "connecting" | "live" | "polling" | "lost";

/** What a page wants to be told and how it reads itself afresh. */
export interface Feed {
  filters: string[];
  message(topic: string, payload: unknown): void;
  /** Whether the last read failed; kept by the link. A page that has nothing yet says so, also while messages come. */
  readFailed: boolean;
  /** Reads everything again over HTTP (conditional); rejects when the API cannot be reached. */
  refresh(): Promise<void>;
}

const POLL_MS = 10_000;
/** While live, a conditional read now and then repairs what a QoS 0 message may have lost. */
const RECONCILE_MS = 60_000;

export class Link {
  state = $state<LinkState>("connecting");
  /** Last moment (epoch ms) at which what is shown was known to be current. */
  freshAt = $state<number | null>(null);
  /** Whether any page shows live data at all; without one, the state is nobody's business. */
  active = $state(false);
  /** When the next MQTT attempt starts (epoch ms). */
  retryAt = $state<number | null>(null);

  #connect: Connect | null;
  #transport: Transport | null = null;
  #up = false;
  /** Up, and every wish for messages was confirmed by the broker. */
  #subscribed = false;
  #attempt = 0;
  #feeds = new Set<Feed>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<boolean> | null = null;
  /** The last read failed: the next one must not wait for the next reconciliation. */
  #behind = false;
  #lastPacket = 0;

  /** `connect` is null where no broker is configured: then HTTP polling is all there is. */
  constructor(connect: Connect | null) {
    this.#connect = connect;
  }

  /** Whether live messages are to be had at all; without a broker, polling is the normal state and nothing to warn of. */
  get hasBroker(): boolean {
    return this.#connect !== null;
  }

  start(): void {
    addEventListener("offline", this.#offline);
    addEventListener("online", this.#online);
    document.addEventListener("visibilitychange", this.#visible);
    this.#open();
    this.#schedule(0);
  }

  stop(): void {
    removeEventListener("offline", this.#offline);
    removeEventListener("online", this.#online);
    document.removeEventListener("visibilitychange", this.#visible);
    clearTimeout(this.#retry);
    clearTimeout(this.#timer);
    this.#transport?.close();
    this.#transport = null;
    this.#up = false;
    this.#subscribed = false;
  }

  /** Adds a feed and reads it; the returned function takes it away again. */
  attach(feed: Feed): () => void {
    this.#feeds.add(feed);
    this.active = true;
    if (this.#up) void this.#catchUp([feed]);
    else this.#schedule(0);
    return () => {
      this.#feeds.delete(feed);
      this.active = this.#feeds.size > 0;
      const still = new Set([...this.#feeds].flatMap((other) => other.filters));
      const gone = feed.filters.filter((filter) => !still.has(filter));
      if (this.#up && gone.length > 0) this.#transport?.unsubscribe(gone);
    };
  }

  /** The user's "try now". */
  retryNow(): void {
    if (!this.#up) {
      this.#attempt = 0;
      this.#open();
    }
    this.#schedule(0);
  }

  #offline = () => {
    // A dead network may leave the socket open for a whole keep-alive: what comes next would look live and is not.
    if (!this.#connect) return void this.#read();
    this.#transport?.close();
    this.#down();
  };

  #online = () => this.retryNow();

  #visible = () => {
    if (document.visibilityState === "visible") this.#schedule(0);
  };

  #open(): void {
    if (!this.#connect) return;
    clearTimeout(this.#retry);
    this.retryAt = null;
    this.#transport?.close();
    this.#transport = this.#connect({
      up: () => {
        this.#up = true;
        void this.#catchUp([...this.#feeds]);
      },
      down: () => this.#down(),
      alive: () => this.#alive(),
      message: (topic, payload) => {
        for (const feed of this.#feeds) {
          if (feed.filters.some((filter) => matches(filter, topic))) feed.message(topic, payload);
        }
      },
    });
  }

  /** Subscribe first, read second: what changes in between arrives as a message. */
  async #catchUp(feeds: Feed[]): Promise<void> {
    const transport = this.#transport;
    try {
      const filters = [...new Set(feeds.flatMap((feed) => feed.filters))];
      if (filters.length > 0) await transport?.subscribe(filters);
    } catch {
      if (transport === this.#transport) {
        transport?.close();
        this.#down();
      }
      return;
    }
    // A read that began before the subscription could miss a change in between, so it does not count.
    await this.#reading;
    if (!this.#up || transport !== this.#transport) return;
    this.#subscribed = true;
    await this.#read();
    this.#schedule();
  }

  #down(): void {
    this.#up = false;
    this.#subscribed = false;
    this.#transport = null;
    if (this.state === "live") this.state = "polling";
    const wait = backoffMs(this.#attempt++);
    this.retryAt = Date.now() + wait;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait);
    this.#schedule(0);
  }

  /** Data is fresh as long as packets come; written at most once a second, since it is reactive. */
  #alive(): void {
    const now = Date.now();
    if (this.state !== "live" || now - this.#lastPacket < 1000) return;
    this.#lastPacket = now;
    this.freshAt = now;
  }

  #schedule(wait = this.state === "live" && !this.#behind ? RECONCILE_MS : POLL_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await this.#read();
      this.#schedule();
    }, wait);
  }

  /** Reads all feeds; concurrent callers share one read. */
  #read(): Promise<boolean> {
    this.#reading ??= this.#readOnce().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #readOnce(): Promise<boolean> {
    const feeds = [...this.#feeds];
    const results = await Promise.allSettled(feeds.map((feed) => feed.refresh()));
    const failed = results.some((result) => result.status === "rejected");
    for (const [at, feed] of feeds.entries()) feed.readFailed = results[at]?.status === "rejected";
    this.#behind = failed;
    if (!failed && this.#feeds.size > 0) this.freshAt = Date.now();
    if (this.state !== "live" && this.#feeds.size > 0) this.#settle(!failed);
    return !failed;
  }

  #settle(ok: boolean): void {
    if (!ok) this.state = "lost";
    else if (this.#subscribed) {
      this.state = "live";
      this.#attempt = 0;
    } else if (this.state === "lost" || !this.#connect || this.#attempt > 0) this.state = "polling";
  }
}

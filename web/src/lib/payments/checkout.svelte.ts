/**
 * One payment from the wish to the receipt: the session or extension is asked for under an id that stays the same however often the
 * request is repeated, the card is confirmed at the provider, and the platform is asked until it knows.
 */
import type { Confirmed } from "./test-provider";
import type { Payable } from "./types";

/** `refused` may be tried again with another card, `lost` by the same request; `failed` is final. */
export type CheckoutStep = "preparing" | "card" | "working" | "refused" | "lost" | "slow" | "failed" | "paid";

const SETTLE_EVERY_MS = 1_000;
const SETTLE_TRIES = 20;

/** How what is paid for is asked about: a session, or money for the wallet. */
export interface Through<T extends Payable> {
  settle: (id: string) => Promise<T>;
  stop: (id: string) => Promise<T>;
  /** Told of everything that an answer holds. */
  written: (one: T) => void;
}

export interface CheckoutOptions<T extends Payable> {
  through: Through<T>;
  /** Asks for what is paid; the same each time. Null for a payment that is open already. */
  begin: (() => Promise<T>) | null;
  session: T | null;
  wait?: (ms: number) => Promise<void>;
}

export class Checkout<T extends Payable> {
  step = $state<CheckoutStep>("preparing");
  session = $state.raw<T | null>(null);
  /** Why it is refused, lost or failed. */
  error = $state.raw<unknown>(null);
  /** What the bank said. */
  refusal = $state<string | null>(null);

  #options: CheckoutOptions<T>;
  #wait: (ms: number) => Promise<void>;
  /** The end that is being paid for. */
  #until: string | null = null;

  constructor(options: CheckoutOptions<T>) {
    this.#options = options;
    this.#wait = options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    if (options.session) this.#take(options.session);
  }

  /** Asks for the payment, or takes up the one that is open. */
  async prepare(): Promise<void> {
    this.step = "preparing";
    this.error = null;
    try {
      const { begin } = this.#options;
      if (begin) this.#take(await begin());
      // It may have been paid meanwhile, or the provider did not know of it yet.
      else if (this.session) this.#take(await this.#options.through.settle(this.session.id));
      this.step = this.#isPaid() ? "paid" : this.session?.payment?.client_secret ? "card" : "failed";
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Runs the provider's confirmation and waits for the platform to know. */
  async pay(confirm: () => Promise<Confirmed>): Promise<void> {
    if (this.step !== "card" && this.step !== "refused") return;
    this.step = "working";
    this.refusal = null;
    try {
      const confirmed = await confirm();
      if (confirmed.outcome === "refused") {
        this.refusal = confirmed.text;
        this.step = "refused";
        return;
      }
      if (confirmed.outcome === "asks") {
        this.step = "card";
        return;
      }
    } catch {
      // The answer is lost, not the payment: the platform knows how it stands.
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    const id = this.session?.id;
    if (!id) return;
    this.step = "working";
    for (let attempt = 0; attempt < SETTLE_TRIES; attempt++) {
      try {
        this.#take(await this.#options.through.settle(id));
        if (!this.session?.payment) {
          this.step = this.#isPaid() ? "paid" : "failed";
          return;
        }
      } catch (error) {
        this.error = error;
      }
      await this.#wait(SETTLE_EVERY_MS);
    }
    this.step = "slow";
  }

  /**
   * What becomes of a payment whose driver goes away: the one of a session's beginning is given up at once, so that the plate is free
   * again; an extension's stays open until it lapses, since giving up would stop the session.
   */
  async leave(): Promise<"given_up" | "paid" | "open"> {
    if (!this.session?.payment) return "given_up";
    if (this.session.state !== "pending") return "open";
    const after = await this.#options.through.stop(this.session.id);
    this.#take(after);
    return after.state === "failed" ? "given_up" : "paid";
  }

  #isPaid(): boolean {
    const session = this.session;
    if (!session || session.payment || session.state === "failed" || session.state === "pending") return false;
    return this.#until === null || !session.end || Date.parse(session.end) >= Date.parse(this.#until);
  }

  #take(session: T): void {
    this.session = session;
    if (session.payment) this.#until = session.payment.pays_until ?? null;
    this.#options.through.written(session);
  }

  #fail(error: unknown): void {
    this.error = error;
    this.step = "lost";
  }
}

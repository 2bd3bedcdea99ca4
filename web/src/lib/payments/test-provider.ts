/** The embedded payment provider, which moves no money and speaks like Stripe: for trying out, demonstrations and tests. */
import type { OpenPayment } from "./types";

export const TEST_CARDS = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"] as const;
export type TestCard = (typeof TEST_CARDS)[number];

/** How a confirmation in the browser has ended. */
export type Confirmed = { outcome: "done" } | { outcome: "asks" } | { outcome: "refused"; text: string };

export type ProviderKind = "test" | "stripe" | "none";

/** Which provider a publishable key belongs to. */
export function providerOf(publishableKey: string): ProviderKind {
  if (publishableKey.startsWith("pk_test_parvis")) return "test";
  return publishableKey.startsWith("pk_") ? "stripe" : "none";
}

const TIMEOUT_MS = 15_000;

interface Intent {
  status?: string;
  last_payment_error?: { code?: string; decline_code?: string } | null;
  error?: { code?: string; decline_code?: string; message?: string };
}

export class TestProvider {
  #base: string;
  #key: string;

  /** `base` is the address of `/_local/provider`. */
  constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  confirm = (payment: OpenPayment, card: TestCard) => this.#ask(payment, "confirm", { payment_method: card });
  /** What the card's holder answers the bank. */
  authenticate = (payment: OpenPayment, success: boolean) =>
    this.#ask(payment, "authenticate", { success: String(success) });

  async #ask(payment: OpenPayment, step: string, fields: Record<string, string>): Promise<Confirmed> {
    const { intent = "", client_secret: secret = "" } = payment;
    const response = await fetch(`${this.#base}/v1/payment_intents/${encodeURIComponent(intent)}/${step}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#key}` },
      body: new URLSearchParams({ client_secret: secret, ...fields }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const told = (await response.json()) as Intent;
    if (!response.ok) return { outcome: "refused", text: codeOf(told.error) ?? `HTTP ${response.status}` };
    if (told.status === "requires_action") return { outcome: "asks" };
    if (told.status === "requires_payment_method")
      return { outcome: "refused", text: codeOf(told.last_payment_error) ?? "authentication_failed" };
    return { outcome: "done" };
  }
}

function codeOf(error: { code?: string; decline_code?: string } | null | undefined): string | undefined {
  return error?.decline_code ?? error?.code;
}

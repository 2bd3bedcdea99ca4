/**
 * Stripe's own form (Payment Element). Stripe.js comes from Stripe's address, as Stripe and PCI DSS (SAQ A) want it, and only when it
 * is the configured provider; the card's data go from Stripe's frame to Stripe and never through this page.
 */
import type { Language } from "../i18n/translate";
import type { Confirmed } from "./test-provider";

const SCRIPT = "https://js.stripe.com/v3/";

interface StripeElement {
  mount(host: HTMLElement): void;
  on(event: "ready" | "loaderror", handler: (event: { error?: { message?: string } }) => void): void;
  destroy(): void;
}

interface StripeElements {
  create(kind: "payment", options: object): StripeElement;
}

interface StripeClient {
  elements(options: object): StripeElements;
  confirmPayment(options: object): Promise<{ error?: { code?: string; message?: string } }>;
}

type StripeConstructor = (key: string, options: object) => StripeClient;

let loading: Promise<StripeConstructor> | undefined;

/** Stripe.js, fetched once; tried again after a failure. */
function load(): Promise<StripeConstructor> {
  loading ??= new Promise<StripeConstructor>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.onload = () => {
      const { Stripe } = window as unknown as { Stripe?: StripeConstructor };
      if (Stripe) resolve(Stripe);
      else reject(new Error("no Stripe.js"));
    };
    script.onerror = () => reject(new Error("no Stripe.js"));
    document.head.append(script);
  }).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export interface CardForm {
  /** Where somebody is sent whose bank asks on a page of its own, and comes back to. */
  confirm(returnUrl: string): Promise<Confirmed>;
  close(): void;
}

/** Puts the form into `host`; resolves when it can be filled in. */
export async function openForm(
  host: HTMLElement,
  options: { key: string; clientSecret: string; language: Language; dark: boolean },
): Promise<CardForm> {
  const stripe = (await load())(options.key, { locale: options.language });
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
  const elements = stripe.elements({
    clientSecret: options.clientSecret,
    appearance: { theme: options.dark ? "night" : "stripe", variables: { colorPrimary: accent, borderRadius: "8px" } },
  });
  const form = elements.create("payment", { layout: "tabs" });
  const ready = new Promise<void>((resolve, reject) => {
    form.on("ready", () => resolve());
    form.on("loaderror", ({ error }) => reject(new Error(error?.message ?? "the form did not load")));
  });
  form.mount(host);
  await ready;
  return {
    async confirm(returnUrl) {
      const confirmParams = { return_url: returnUrl };
      const { error } = await stripe.confirmPayment({ elements, confirmParams, redirect: "if_required" });
      // Stripe's messages are written for payers, in their language.
      return error ? { outcome: "refused", text: error.message ?? error.code ?? "?" } : { outcome: "done" };
    },
    close: () => form.destroy(),
  };
}

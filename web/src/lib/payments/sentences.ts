/** What the API tells in codes, as sentences. */
import { ApiError } from "../api/client";
import type { Format, Money } from "../format";
import { tp, type PaymentKey } from "./texts";
import type { ExplainedQuote } from "./types";

interface Told {
  reason?: string;
  latest_end?: string;
  opens_at?: string | null;
  until?: string;
  code?: string;
  quote?: ExplainedQuote["quote"];
  least?: Money;
}

/** Why something did not go through. */
export function failureText(error: unknown, format: Format): string {
  if (!(error instanceof ApiError)) return tp("fail.unreachable");
  const told = error.members as Told;
  switch (error.slug) {
    case "tariff-refusal":
    case "session-refusal":
      return refusalText(told, format) ?? tp("fail.other", { text: error.message });
    case "payment-declined":
    case "unknown-payment-method":
      return tp("pay.declined", { code: told.code ?? "?" });
    case "payment-under-way":
      return tp("fail.underWay", { time: format.time(told.until ?? "") });
    case "price-changed":
      return tp("pay.priceChanged", { amount: told.quote ? format.money(told.quote.due) : "?" });
    case "amount-too-small":
      return tp("pay.tooLittle", { amount: told.least ? format.money(told.least) : "?" });
    case "too-many-payments":
      return tp("fail.tooMany");
    case "wallet-empty":
      return tp("fail.walletEmpty");
    case "version-changed":
    case "precondition-failed":
      return tp("fail.changed");
  }
  if (error.status === 401) return tp("fail.login");
  if (error.status === 403) return tp("fail.forbidden");
  if (error.status >= 500) return tp("fail.unavailable");
  return tp("fail.other", { text: error.message });
}

const WITHOUT_TIME: Record<string, PaymentKey> = {
  noAvailability: "refusal.noAvailability",
  noExtensionPossible: "refusal.noExtensionPossible",
  over: "refusal.over",
  not_paid_yet: "refusal.not_paid_yet",
  never_began: "refusal.never_began",
};
/** Where the stay in the way is somebody else's, its end is not told. */
const OF_ANOTHER: Record<string, PaymentKey> = {
  noReturnPeriod: "refusal.backTooSoon",
  already_parked: "refusal.parkedByAnother",
};

function refusalText({ reason = "", latest_end, opens_at, until }: Told, format: Format): string | null {
  const plain = WITHOUT_TIME[reason];
  if (plain) return tp(plain);
  const at = (text: string) => whenText(text, format);
  if (reason === "maxStayReached" && latest_end) return tp("refusal.maxStayReached", { time: at(latest_end) });
  if (reason === "outsideOperatingHours")
    return opens_at ? tp("refusal.opens", { time: at(opens_at) }) : tp("refusal.outsideOperatingHours");
  if (reason === "noReturnPeriod" && until) return tp("refusal.noReturnPeriod", { time: at(until) });
  if (reason === "already_parked" && until) return tp("refusal.already_parked", { time: at(until) });
  const another = OF_ANOTHER[reason];
  return another ? tp(another) : null;
}

/** The time alone for today, with the day otherwise. */
export function whenText(at: string | number, format: Format, now: number = Date.now()): string {
  return format.date(at) === format.date(now) ? format.time(at) : `${format.day(at)} ${format.time(at)}`;
}

/** Whether repeating the very same request may help: it has perhaps arrived, and does nothing twice. */
export function mayRepeat(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500;
}

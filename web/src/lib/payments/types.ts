/** Shapes of the payments and ledger APIs (`/openapi/payments.json`, `/openapi/ledger.json`). Times are RFC 3339 UTC, amounts cents. */
import type { Money } from "../format";

export type { Money };

export type VehicleClass = "car" | "two_wheeler" | "light_other" | "heavy";
export const CLASSES: VehicleClass[] = ["car", "two_wheeler", "light_other", "heavy"];

export type CritAir = "0" | "1" | "2" | "3" | "4" | "5" | "unclassified";
export const CRITAIRS: CritAir[] = ["0", "1", "2", "3", "4", "5", "unclassified"];

export type Qualification = "visitor" | "resident" | "professional" | "care_worker";
export const QUALIFICATIONS: Qualification[] = ["visitor", "resident", "professional", "care_worker"];

export interface Vehicle {
  class: VehicleClass;
  electric: boolean;
  critair: CritAir | null;
}

/** Where parking is sold, by zone of the register of places. */
export interface Offer {
  zones: string[];
  currency: string;
  timezone: string;
  /** Version of the tariff book. */
  book: number;
  /** The least that can be paid by card; from a wallet anything can. */
  least_charge: Money;
  publishable_key: string;
  now: string;
}

export interface PricePoint {
  /** Time that is paid for, in minutes. */
  minutes: number;
  end: string;
  /** Until when the vehicle stands in order: the end, or the next opening. */
  covered_until: string;
  price: Money;
}

export interface Prices {
  start: string;
  latest_end: string;
  points: PricePoint[];
}

export interface Quote {
  zone: string;
  start: string;
  end: string;
  covered_until: string;
  chargeable_seconds: number;
  total: Money;
  paid: Money;
  due: Money;
  /** Basis points, included in the prices. */
  vat_rate: number;
}

export interface ExplainedQuote {
  quote: Quote;
  /** The right under which it was made: that of the plate, where one was named. */
  qualification: Qualification;
  explained: { fr: string; en: string; amount: Money }[];
}

/** How long: until an instant, or for so many minutes from the beginning. */
export type Length = { end: string } | { minutes: number };

export type PayWith = { with: "card" } | { with: "method"; id: string } | { with: "wallet" };

export interface NewSession {
  id: string;
  zone: string;
  plate: string;
  vehicle: Vehicle;
  price_cents: number;
  pay: PayWith;
}

export type SessionState = "pending" | "active" | "stopped" | "ended" | "failed";

export interface OpenPayment {
  amount: Money;
  intent?: string;
  client_secret?: string;
  /** When it is given up. */
  until: string;
  /** Of a session: when it ends once this is paid. */
  pays_until?: string;
}

/** What is paid for: a session, or money for the wallet. */
export interface Payable {
  id: string;
  state: string;
  payment?: OpenPayment;
  failure?: string;
  end?: string;
}

export interface Wallet {
  balance: Money;
  /** The least that can be put into it at a time. */
  least: Money;
}

export interface PaidBack {
  paid_back: Money;
  /** What the wallet still holds. */
  balance: Money;
}

/** Money on its way into the wallet. */
export interface TopUp extends Payable {
  state: "pending" | "paid" | "failed";
  amount: Money;
  created_at: string;
}

export interface ParkingSession {
  id: string;
  version: number;
  state: SessionState;
  zone: string;
  /** Kept for a day after the end. */
  plate?: string;
  vehicle: Vehicle;
  qualification: Qualification;
  start: string;
  end: string;
  segments: { start: string; end: string; price: Money }[];
  /** Less what goes back. */
  paid: Money;
  refunds: { amount: Money; done: boolean }[];
  payment?: OpenPayment;
  failure?: string;
  actions: ("extend" | "stop" | "pay")[];
  created_at: string;
  now: string;
}

export interface SessionList {
  sessions: ParkingSession[];
  next_cursor?: string;
}

export interface StopPreview {
  used: Money;
  refund: Money;
}

export interface Receipt {
  number: string;
  kind: "receipt" | "invoice" | "credit_note";
  session: string;
  issued_on: string;
  gross_cents: number;
  currency: string;
  corrects?: string;
}

export interface PersonalData {
  subject: string;
  wallet_cents: number;
  sessions: ParkingSession[];
}

export type By = "day" | "zone" | "class" | "hour";
export const BYS: By[] = ["day", "zone", "class", "hour"];

export interface RevenueRow {
  key: string;
  sessions: number;
  refunds: number;
  /** In cents, VAT included. */
  gross: number;
  refunded: number;
  net: number;
  minutes: number;
}

export interface Revenue {
  from: string;
  to: string;
  rows: RevenueRow[];
  total: RevenueRow;
}

export interface Books {
  /** Debits and credits are the same, and no number is missing. */
  sound: boolean;
  debit: number;
  credit: number;
  balances: { account: string; debit: number; credit: number }[];
  series: { series: string; documents: number; missing: number }[];
}

export interface Problem {
  severity: "error" | "warning";
  kind: "unreadable" | "gap" | "overlap" | "impossible" | "name" | "no_effect";
  path: string;
  location: { line: number; column: number } | null;
  message: string;
}

export interface Findings {
  usable: boolean;
  problems: Problem[];
  zones: string[];
}

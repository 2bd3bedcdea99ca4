/** Shapes of the bookings API (`/openapi/bookings.json`). Times are RFC 3339 UTC, amounts cents, local times without a zone. */
import type { Money } from "../format";

export type { Money };

export type ResourceKind = "room" | "desk" | "shared" | "parking" | "equipment";
export const KINDS: ResourceKind[] = ["room", "desk", "shared", "parking", "equipment"];

export type BookingState =
  "held" | "pending" | "booked" | "arrived" | "fulfilled" | "cancelled" | "noshow" | "waitlist" | "released";

/** States that keep others out of a place. */
export const LIVE: ReadonlySet<BookingState> = new Set(["held", "pending", "booked", "arrived"]);

export type Action =
  | "confirm"
  | "request"
  | "expire"
  | "approve"
  | "reject"
  | "change"
  | "cancel"
  | "check_in"
  | "mark_no_show"
  | "release"
  | "finish"
  | "offer";

export interface Slot {
  start: string;
  end: string;
}

export interface DaySpan {
  from: string;
  until: string;
}

export type Weekday = "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun";
export const WEEKDAYS: Weekday[] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export interface WeeklySpan extends DaySpan {
  days: Weekday[];
}

export interface OpeningException {
  from: string;
  to: string;
  spans: DaySpan[];
  yearly: boolean;
  reason: string | null;
}

export interface OpeningHours {
  weekly: WeeklySpan[];
  exceptions: OpeningException[];
}

export interface Site {
  id: string;
  name: string;
  timezone: string;
  address: string | null;
  opening: OpeningHours;
  version: number;
}

export interface CheckInRule {
  opens_minutes_before: number;
  window_minutes: number;
  needs_code: boolean;
}

export interface Policy {
  id: string;
  name: string;
  min_minutes: number;
  max_minutes: number;
  increment_minutes: number;
  buffer_before_minutes: number;
  buffer_after_minutes: number;
  buffers_stack: boolean;
  min_notice_add_minutes: number;
  min_notice_update_minutes: number;
  min_notice_delete_minutes: number;
  max_notice_minutes: number;
  requires_approval: boolean;
  min_participants: number;
  max_participants: number | null;
  spans_closed_hours: boolean;
  credits_per_hour: number;
  peak_credits_per_hour: number;
  peak_hours: WeeklySpan[];
  check_in: CheckInRule | null;
  sensor_release_minutes: number | null;
  no_show_exempt_minutes: number;
  hold_minutes: number;
  offer_minutes: number;
  waitlist: boolean;
  quotas: Quota[];
  cancellation: { minutes_before: number; refund_percent: number }[];
  version: number;
}

export type QuotaPeriod = "day" | "week" | "month" | "year";

/** A limit per person, or per group. */
export interface Quota {
  /** Everybody when null. */
  group: string | null;
  /** Whether the members of the group share it. */
  shared: boolean;
  scope: "policy" | "resource";
  period: QuotaPeriod;
  limit: { bookings: number } | { minutes: number };
}

/** A subscription. */
export interface Plan {
  id: string;
  name: string;
  included_minutes: number;
  member: boolean;
  version: number;
}

/** Somebody with a subscription or credits. */
export interface Member {
  subject: string;
  plan: string | null;
  /** Until when the plan counts; without an end if null. */
  plan_until: string | null;
  credits: number;
}

export interface Pool {
  id: string;
  site: string;
  name: string;
  kind: ResourceKind;
  version: number;
}

export interface Rates {
  hour: number | null;
  half_day: number | null;
  day: number | null;
  month: number | null;
}

export interface RateCard {
  currency: string;
  /** Basis points: 2000 is 20 %. */
  vat: number;
  standard: Rates;
  member: Rates | null;
  half_day_minutes: number;
  deposit: number;
  factor_floor: number;
  factor_cap: number;
}

export interface Resource {
  id: string;
  site: string;
  kind: ResourceKind;
  name: string;
  policy: string;
  pool: string | null;
  floor: string | null;
  section: string | null;
  capacity: number;
  features: string[];
  accessible: boolean;
  photos: string[];
  description: string | null;
  opening: OpeningHours | null;
  rates: RateCard | null;
  sensor: { place: string; zone: string; space: number } | null;
  plan: { x: number; y: number } | null;
  closed: boolean;
  timezone: string;
  version: number;
}

export interface Busy extends Slot {
  type: "busy" | "busy_tentative" | "busy_unavailable";
}

export interface ResourceTimes {
  id: string;
  name: string;
  kind: ResourceKind;
  site: string;
  timezone: string;
  floor: string | null;
  section: string | null;
  capacity: number;
  features: string[];
  accessible: boolean;
  pool: string | null;
  plan: { x: number; y: number } | null;
  open: Slot[];
  busy: Busy[];
  free: Slot[];
}

export interface Suggestion {
  resource: string;
  slot: Slot;
  reason: "same_place_other_time" | "other_place_same_time" | "other_place_other_time";
  shift_minutes: number;
  same_floor: boolean;
  missing_features: string[];
}

export type Item = { resource: string } | { pool: string };
export type PayWith = "money" | "credits";

export interface Charge {
  pay_with: PayWith;
  total: Money;
  vat: Money;
  deposit: Money;
  credits: number;
  included_minutes: number;
}

export type LineKind =
  | "months"
  | "days"
  | "half_days"
  | "minutes"
  | "included"
  | "member_saving"
  | "demand"
  | "credits"
  | "peak_credits"
  | "vat"
  | "deposit";

export interface QuoteLine {
  resource?: string;
  kind: LineKind;
  quantity: number;
  unit_cents?: number;
  amount: Money;
  /** Of demand: percent of the places of this kind expected to be taken. */
  expected_percent?: number;
}

export interface Quote {
  token: string;
  quote: {
    charge: Charge;
    lines: QuoteLine[];
    issued_at: string;
    expires_at: string;
  };
}

export interface Guest {
  name: string;
  email: string | null;
}

export interface Given {
  id: string;
  name: string;
  floor: string | null;
}

export interface Refund {
  percent: number;
  price: Money;
  deposit: Money;
  credits: number;
}

export interface Booking {
  id: string;
  state: BookingState;
  mine: boolean;
  owner?: string;
  site: string;
  timezone: string;
  items: Item[];
  /** What was given, in the order of the items; empty while it waits. */
  resources: Given[];
  slot: Slot;
  title: string;
  participants: number;
  guests: Guest[];
  charge: Charge;
  refund: Refund | null;
  expires_at: string | null;
  check_in: { at: string; by_code: boolean } | null;
  check_in_opens_at: string | null;
  series: string | null;
  occurrence: string | null;
  /** It came from the waitlist: while held, it is an offer. */
  waited: boolean;
  waitlist: { position: number; waiting: number } | null;
  actions: Action[];
  version: number;
  created_at: string;
  modified_at: string;
}

export interface NewBooking {
  items: Item[];
  slot: Slot;
  title: string;
  participants: number;
  guests: Guest[];
  pay_with: PayWith;
  quote?: string;
  waitlist?: boolean;
  suggest?: boolean;
}

export interface Recurrence {
  local_start: string;
  timezone: string;
  minutes: number;
  rule: string;
  except?: string[];
}

export interface Refusal {
  resource?: string;
  code: string;
  minutes?: number;
  people?: number;
  limit?: number;
  unit?: string;
  period?: string;
  needed?: number;
}

export interface Occurrence {
  original: string;
  slot: Slot;
  outcome: "free" | "booked" | "taken" | "refused";
  booking: string | null;
  refusals?: Refusal[];
}

export interface SeriesResult {
  id: string | null;
  occurrences: Occurrence[];
}

export interface Preferences {
  recommendations_off: boolean;
  share_presence: boolean;
  features: string[];
  site: string | null;
  floor: string | null;
  accessible_only: boolean;
}

export interface Profile {
  preferences: Preferences;
  favourites: string[];
  credits: number;
  plan: { id: string; name: string; included_minutes_left: number } | null;
}

export type Why =
  | { kind: "your_habit"; times: number }
  | { kind: "your_favourite" }
  | { kind: "your_preferences" }
  | { kind: "instead_of"; resource: string }
  | { kind: "your_company"; people: number };

export interface Recommendation {
  resource: string;
  slot: Slot;
  why: Why[];
}

export interface ResourceUse {
  id: string;
  name: string;
  site: string;
  kind: ResourceKind;
  open_minutes: number;
  booked_minutes: number;
  sensed_minutes: number | null;
  bookings: number;
  no_shows: number;
  cancelled: number;
  revenue: Money;
}

export interface UseTotals {
  open_minutes: number;
  booked_minutes: number;
  /** Of what has a sensor; null when nothing has one. */
  sensed_minutes: number | null;
  /** What sensors are compared with. */
  booked_with_sensor_minutes: number;
  bookings: number;
  no_shows: number;
  cancelled: number;
  revenue: Money[];
}

export interface UseReport {
  from: string;
  to: string;
  totals: UseTotals;
  resources: ResourceUse[];
  hours: { hour: number; booked_minutes: number }[];
}

/** `live/bookings/<site>`: what happened to a booking; no person and no title. */
export interface BookingMessage {
  event: string;
  type: string;
  at: string;
  booking: string;
  state: BookingState;
  site: string;
  resources: string[];
  slot: Slot;
  before: Slot | null;
  version: number;
}

/** Whether a plate was named for a booked parking space. */
export interface BookedPlate {
  has_plate: boolean;
}

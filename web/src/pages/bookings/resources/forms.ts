/** What administrators fill in, as flat fields, and what the API takes of it. */
import type { BookingKey } from "../../../lib/bookings/texts";
import {
  KINDS,
  type OpeningHours,
  type Plan,
  type Policy,
  type Pool,
  type RateCard,
  type Rates,
  type Resource,
  type Site,
} from "../../../lib/bookings/types";

export type Value = string | number | boolean | null;
export type Values = Record<string, Value>;

export interface Field {
  name: string;
  label: BookingKey;
  /**
   * `money` is entered in units and kept in cents, `percent` in percent and kept in basis points, `instant` by the device's clock and kept
   * in UTC.
   */
  kind: "text" | "number" | "money" | "percent" | "check" | "select" | "area" | "instant";
  options?: (catalog: Choices) => { value: string; text: string }[];
  required?: boolean;
  hint?: BookingKey;
  min?: number;
  max?: number;
}

/** What selects choose from. */
export interface Choices {
  sites: Site[];
  policies: Policy[];
  pools: Pool[];
  plans: Plan[];
  kindName: (kind: (typeof KINDS)[number]) => string;
}

export interface Group {
  title: BookingKey;
  fields: Field[];
}

const text = (name: string, label: BookingKey, more: Partial<Field> = {}): Field => ({
  name,
  label,
  kind: "text",
  ...more,
});
const number = (name: string, label: BookingKey, more: Partial<Field> = {}): Field => ({
  name,
  label,
  kind: "number",
  min: 0,
  ...more,
});
const check = (name: string, label: BookingKey): Field => ({ name, label, kind: "check" });
const money = (name: string, label: BookingKey): Field => ({ name, label, kind: "money", min: 0 });

const named = <T extends { id: string; name: string }>(all: T[]) =>
  all.map(({ id, name }) => ({ value: id, text: name || id }));
const optional = <T extends { id: string; name: string }>(all: T[]) => [{ value: "", text: "–" }, ...named(all)];

const SITE: Field = {
  name: "site",
  label: "form.site",
  kind: "select",
  required: true,
  options: ({ sites }) => named(sites),
};
const KIND: Field = {
  name: "kind",
  label: "form.kind",
  kind: "select",
  required: true,
  options: ({ kindName }) => KINDS.map((kind) => ({ value: kind, text: kindName(kind) })),
};
const NAME = text("name", "form.name", { required: true });

export const SITE_FORM: Group[] = [
  {
    title: "form.about",
    fields: [
      NAME,
      text("timezone", "form.timezone", { required: true, hint: "form.timezoneHint" }),
      text("address", "form.address"),
    ],
  },
];

export const POOL_FORM: Group[] = [
  {
    title: "form.about",
    fields: [
      NAME,
      SITE,
      KIND,
      number("count", "form.seats", { hint: "form.seatsHint", max: 1000 }),
      { name: "policy", label: "form.policy", kind: "select", options: ({ policies }) => optional(policies) },
      text("floor", "form.floor"),
    ],
  },
];

export const PLAN_FORM: Group[] = [
  {
    title: "form.about",
    fields: [
      NAME,
      number("included_minutes", "form.included", { required: true, hint: "form.includedHint" }),
      check("member", "form.memberRates"),
    ],
  },
];

export const MEMBER_FORM: Group[] = [
  {
    title: "form.about",
    fields: [
      { name: "plan", label: "form.plan", kind: "select", options: ({ plans }) => optional(plans) },
      { name: "plan_until", label: "form.planUntil", kind: "instant", hint: "form.planUntilHint" },
      number("credits", "form.creditsLeft", { required: true }),
    ],
  },
];

export const RESOURCE_FORM: Group[] = [
  {
    title: "form.about",
    fields: [
      NAME,
      SITE,
      KIND,
      {
        name: "policy",
        label: "form.policy",
        kind: "select",
        required: true,
        options: ({ policies }) => named(policies),
      },
      { name: "pool", label: "form.pool", kind: "select", options: ({ pools }) => optional(pools) },
      text("floor", "form.floor"),
      text("section", "form.section"),
      number("capacity", "form.capacity", { min: 1, required: true }),
      text("features", "form.features", { hint: "form.featuresHint" }),
      check("accessible", "resource.accessible"),
      check("closed", "form.closed"),
      { name: "description", label: "form.description", kind: "area" },
      { name: "photos", label: "form.photos", kind: "area", hint: "form.photosHint" },
    ],
  },
  {
    title: "form.prices",
    fields: [
      money("hour", "form.hour"),
      money("half_day", "form.halfDay"),
      money("day", "form.day"),
      money("month", "form.month"),
      money("member_hour", "form.memberHour"),
      money("member_half_day", "form.memberHalfDay"),
      money("member_day", "form.memberDay"),
      money("member_month", "form.memberMonth"),
      money("deposit", "form.deposit"),
      { name: "vat", label: "form.vat", kind: "percent", min: 0, max: 100 },
      number("half_day_minutes", "form.halfDayMinutes"),
      { name: "factor_floor", label: "form.factorFloor", kind: "percent", min: 0 },
      { name: "factor_cap", label: "form.factorCap", kind: "percent", min: 0 },
    ],
  },
  {
    title: "form.placing",
    fields: [
      number("plan_x", "form.planX", { max: 100 }),
      number("plan_y", "form.planY", { max: 100 }),
      text("sensor_place", "form.sensorPlace"),
      text("sensor_zone", "form.sensorZone"),
      number("sensor_space", "form.sensorSpace"),
    ],
  },
];

export const POLICY_FORM: Group[] = [
  {
    title: "form.about",
    fields: [NAME, check("requires_approval", "form.approval"), check("waitlist", "form.waitlist")],
  },
  {
    title: "form.lengths",
    fields: [
      number("min_minutes", "form.min", { min: 1 }),
      number("max_minutes", "form.max", { min: 1 }),
      number("increment_minutes", "form.increment", { min: 1 }),
      number("buffer_before_minutes", "form.bufferBefore"),
      number("buffer_after_minutes", "form.bufferAfter"),
      check("buffers_stack", "form.buffersStack"),
      check("spans_closed_hours", "form.spansClosed"),
    ],
  },
  {
    title: "form.notice",
    fields: [
      number("min_notice_add_minutes", "form.noticeAdd"),
      number("min_notice_update_minutes", "form.noticeUpdate"),
      number("min_notice_delete_minutes", "form.noticeDelete"),
      number("max_notice_minutes", "form.noticeMax"),
      number("hold_minutes", "form.hold", { min: 1 }),
      number("offer_minutes", "form.offer", { min: 1 }),
    ],
  },
  {
    title: "form.attendance",
    fields: [
      number("min_participants", "form.peopleMin"),
      number("max_participants", "form.peopleMax"),
      check("check_in", "form.checkIn"),
      number("check_in_opens", "form.checkInOpens"),
      number("check_in_window", "form.checkInWindow", { min: 10, max: 720 }),
      check("check_in_code", "form.checkInCode"),
      number("sensor_release_minutes", "form.sensorRelease"),
      number("no_show_exempt_minutes", "form.exempt"),
    ],
  },
  {
    title: "form.money",
    fields: [
      number("credits_per_hour", "form.credits"),
      number("peak_credits_per_hour", "form.peakCredits"),
      { name: "cancellation", label: "form.cancellation", kind: "area", hint: "form.cancellationHint" },
    ],
  },
];

const str = (value: Value | undefined) => (value === null || value === undefined ? "" : String(value).trim());
const orNull = (value: Value | undefined) => str(value) || null;
const num = (value: Value | undefined) =>
  value === null || value === undefined || value === "" ? null : Number(value);
const list = (value: Value | undefined, by: RegExp) =>
  str(value)
    .split(by)
    .map((one) => one.trim())
    .filter(Boolean);

/** Fields of a resource; those of a new one without an argument. */
export function resourceValues(resource: Partial<Resource> = {}): Values {
  const { rates, plan, sensor } = resource;
  const { hour = null, half_day = null, day = null, month = null } = rates?.standard ?? {};
  return {
    name: resource.name ?? "",
    site: resource.site ?? "",
    kind: resource.kind ?? "room",
    policy: resource.policy ?? "",
    pool: resource.pool ?? "",
    floor: resource.floor ?? "",
    section: resource.section ?? "",
    capacity: resource.capacity ?? 1,
    features: (resource.features ?? []).join(", "),
    accessible: resource.accessible ?? false,
    closed: resource.closed ?? false,
    description: resource.description ?? "",
    photos: (resource.photos ?? []).join("\n"),
    ...{ hour, half_day, day, month },
    member_hour: rates?.member?.hour ?? null,
    member_half_day: rates?.member?.half_day ?? null,
    member_day: rates?.member?.day ?? null,
    member_month: rates?.member?.month ?? null,
    deposit: rates?.deposit ?? 0,
    vat: rates?.vat ?? 2000,
    half_day_minutes: rates?.half_day_minutes ?? 300,
    factor_floor: rates?.factor_floor ?? 10_000,
    factor_cap: rates?.factor_cap ?? 10_000,
    plan_x: plan?.x ?? null,
    plan_y: plan?.y ?? null,
    sensor_place: sensor?.place ?? "",
    sensor_zone: sensor?.zone ?? "",
    sensor_space: sensor?.space ?? null,
  };
}

function ratesOf(values: Values, currency: string): RateCard | null {
  const of = (prefix: string): Rates => ({
    hour: num(values[`${prefix}hour`]),
    half_day: num(values[`${prefix}half_day`]),
    day: num(values[`${prefix}day`]),
    month: num(values[`${prefix}month`]),
  });
  const priced = (rates: Rates) => Object.values(rates).some((price) => price !== null);
  const [standard, member] = [of(""), of("member_")];
  const deposit = num(values.deposit) ?? 0;
  if (!priced(standard) && !priced(member) && deposit === 0) return null;
  return {
    currency,
    vat: num(values.vat) ?? 0,
    standard,
    member: priced(member) ? member : null,
    half_day_minutes: num(values.half_day_minutes) ?? 300,
    deposit,
    factor_floor: num(values.factor_floor) ?? 10_000,
    factor_cap: num(values.factor_cap) ?? 10_000,
  };
}

/** A resource as the API takes it. */
export function resourceOf(
  id: string,
  values: Values,
  opening: OpeningHours | null,
  currency = "EUR",
): Omit<Resource, "timezone" | "version"> {
  const [x, y, space] = [num(values.plan_x), num(values.plan_y), num(values.sensor_space)];
  const [place, zone] = [str(values.sensor_place), str(values.sensor_zone)];
  return {
    id,
    site: str(values.site),
    kind: str(values.kind) as Resource["kind"],
    name: str(values.name),
    policy: str(values.policy),
    pool: orNull(values.pool),
    floor: orNull(values.floor),
    section: orNull(values.section),
    capacity: num(values.capacity) ?? 1,
    features: list(values.features, /,/),
    accessible: values.accessible === true,
    photos: list(values.photos, /\n/),
    description: orNull(values.description),
    opening,
    rates: ratesOf(values, currency),
    sensor: place && zone && space !== null ? { place, zone, space } : null,
    plan: x !== null && y !== null ? { x, y } : null,
    closed: values.closed === true,
  };
}

/** Fields of a policy; `usual` ones for a new one. */
export function policyValues(policy: Partial<Policy> = {}): Values {
  const minutes = {
    min_minutes: 15,
    max_minutes: 1440,
    increment_minutes: 15,
    buffer_before_minutes: 0,
    buffer_after_minutes: 0,
    min_notice_add_minutes: 0,
    min_notice_update_minutes: 0,
    min_notice_delete_minutes: 0,
    max_notice_minutes: 366 * 1440,
    no_show_exempt_minutes: 480,
    hold_minutes: 5,
    offer_minutes: 15,
    min_participants: 0,
    credits_per_hour: 0,
    peak_credits_per_hour: 0,
  };
  const values: Values = {};
  for (const [name, usual] of Object.entries(minutes)) values[name] = policy[name as keyof typeof minutes] ?? usual;
  return {
    ...values,
    name: policy.name ?? "",
    requires_approval: policy.requires_approval ?? false,
    waitlist: policy.waitlist ?? true,
    buffers_stack: policy.buffers_stack ?? false,
    spans_closed_hours: policy.spans_closed_hours ?? false,
    max_participants: policy.max_participants ?? null,
    sensor_release_minutes: policy.sensor_release_minutes ?? null,
    check_in: !!policy.check_in,
    check_in_opens: policy.check_in?.opens_minutes_before ?? 10,
    check_in_window: policy.check_in?.window_minutes ?? 10,
    check_in_code: policy.check_in?.needs_code ?? false,
    cancellation: (policy.cancellation ?? []).map((rule) => `${rule.minutes_before} ${rule.refund_percent}`).join("\n"),
  };
}

/** A membership as the API takes it. */
export function memberOf(values: Values): { plan: string | null; plan_until: string | null; credits: number } {
  const plan = orNull(values.plan);
  return { plan, plan_until: plan === null ? null : orNull(values.plan_until), credits: num(values.credits) ?? 0 };
}

/** An instant as a field for local dates and times has it. */
export function localText(instant: string): string {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A policy as the API takes it. */
export function policyOf(values: Values, lists: Pick<Policy, "quotas" | "peak_hours">): Record<string, unknown> {
  const { check_in, check_in_opens, check_in_window, check_in_code, cancellation, ...flat } = values;
  return {
    ...flat,
    ...lists,
    check_in: check_in
      ? {
          opens_minutes_before: num(check_in_opens),
          window_minutes: num(check_in_window),
          needs_code: check_in_code === true,
        }
      : null,
    cancellation: list(cancellation, /\n/).map((line) => {
      const [minutes_before, refund_percent] = line.split(/\s+/).map(Number);
      return { minutes_before, refund_percent };
    }),
  };
}

/** Work orders: their shapes, their API, and what they say. */
import type { Api } from "../api/client";
import type { Format } from "../format";
import { tf } from "./texts";

export type OrderKind = "battery" | "silent" | "flapping" | "stuck" | "disagreement" | "wear";
export type Verdict = "confirmed" | "other" | "nothing_wrong";

export type OrderStatus =
  | { state: "proposed" }
  | { state: "planned"; on: string }
  | { state: "closed"; verdict: Verdict }
  | { state: "dismissed" };

export type Evidence =
  | {
      evidence: "battery";
      percent: number;
      per_day: number;
      empty_in_days: [number, number | null];
      readings: number;
    }
  | { evidence: "low_battery"; percent: number; floor: number }
  | { evidence: "silence"; since: string; hours: number }
  | { evidence: "rate"; changes: number; expected: number; neighbours: number }
  | { evidence: "payments"; missed: number; paid: number; usual: number }
  | { evidence: "wear"; age: number; median_left: number; failures: number };

export interface Order {
  id: string;
  about: { thing: "sensor"; place: string; zone: string; number: number } | { thing: "equipment"; resource: string };
  title: string;
  kind: OrderKind;
  probability: number;
  evidence: Evidence;
  by: string;
  status: OrderStatus;
  changed_at: string;
}

/** What the last inspection of a place's sensors, or of the equipment, has looked at. */
export interface Watched {
  place: string | null;
  things: number;
  foretold: number;
  too_little: number;
  from: string | null;
  at: string;
}

export interface Board {
  orders: Order[];
  reliability: { kind: OrderKind; looked_at: number; confirmed: number }[];
  watched: Watched[];
}

export type Step =
  { step: "plan"; on: string } | { step: "close"; verdict: Verdict } | { step: "dismiss" } | { step: "reopen" };

export class MaintenanceApi {
  #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  board = () => this.#api.own<Board>("/v1/maintenance");
  step = async (id: string, step: Step) =>
    (await this.#api.send<Order>("POST", `/v1/maintenance/${encodeURIComponent(id)}/steps`, { body: step })).body!;
}

/** What is watched of a place or of the equipment, and how much is known of it, as one line. */
export function watchedText(watched: Watched, format: Format): string {
  const { place, things, foretold, too_little: short, from, at } = watched;
  const parts = [tf(place ? "maintenance.sensors" : "maintenance.pieces", { n: things })];
  if (foretold > 0) parts.push(tf("maintenance.foretold", { n: format.number(foretold) }));
  if (short > 0 && from) {
    parts.push(tf("maintenance.short", { n: format.number(short), day: format.day(from) }));
  } else if (short > 0) {
    parts.push(tf("maintenance.failures", { n: format.number(short) }));
  }
  parts.push(tf("maintenance.looked", { at: format.dateTime(at) }));
  return `${place ?? tf("maintenance.equipment")}: ${parts.join("; ")}`;
}

/** What a finding rests on, as a sentence. */
export function evidenceText(evidence: Evidence, format: Format): string {
  const n = (value: number, digits = 0) => format.number(value, digits);
  switch (evidence.evidence) {
    case "battery": {
      const [soonest, latest] = evidence.empty_in_days;
      return tf(latest === null ? "evidence.batteryFrom" : "evidence.battery", {
        percent: format.percent(evidence.percent),
        rate: n(evidence.per_day, 2),
        soonest: n(soonest),
        latest: n(latest ?? 0),
      });
    }
    case "low_battery":
      return tf("evidence.lowBattery", {
        percent: format.percent(evidence.percent),
        floor: format.percent(evidence.floor),
      });
    case "silence":
      return tf("evidence.silence", { since: format.dateTime(evidence.since), hours: n(evidence.hours) });
    case "rate":
      return tf("evidence.rate", {
        changes: n(evidence.changes),
        expected: n(evidence.expected),
        neighbours: n(evidence.neighbours),
      });
    case "payments":
      return tf("evidence.payments", {
        missed: n(evidence.missed),
        paid: n(evidence.paid),
        usual: format.percent(evidence.usual * 100),
      });
    case "wear":
      return tf("evidence.wear", {
        age: n(evidence.age),
        left: n(evidence.median_left),
        failures: n(evidence.failures),
      });
  }
}

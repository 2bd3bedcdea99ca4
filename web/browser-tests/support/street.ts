/** Zones of one's own on the stack for a test file: tariffs that do not depend on when the test runs. */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import type { ParkingSession } from "../../src/lib/payments/types";
import { as, tokenOf } from "./api";

export const ZONE = "Europe/Paris";

export interface Street {
  /** Paid day and night: 2.40 an hour, 4.80 from the third on, six hours at most, electric vehicles free of charge, no lorries. */
  paid: string;
  /** Free now; paid hours begin in two hours and last for four. */
  later: string;
}

/** A tariff table as the file has it. */
export function table(id: string, zone: string, hours: { from: string; to: string }): string {
  return `
[[tables]]
id = "${id}"
version = 1
zones = ["${zone}"]
from = "2025-01-01"
on_street = true
hours = [{ days = "mon-sun", from = "${hours.from}", to = "${hours.to}" }]
not_admitted = [{ classes = ["heavy"] }]
modifiers = [{ name = "Électriques", for = { electric = true }, percent = 0 }]

[[tables.rates]]
id = "visitor"
unit = "15min"
max_stay = "6h"
lines = [
    { from = "0min", to = "2h", price = "2.40", every = "1h" },
    { from = "2h", to = "6h", price = "4.80", every = "1h" },
]
`;
}

/** The tariff book in force. */
export async function bookInForce(): Promise<{ text: string; etag: string }> {
  const response = await fetch(`${inject("url")}/v1/parking/tariffs`);
  if (!response.ok) throw new Error(`the tariff book: ${response.status}`);
  return { text: await response.text(), etag: response.headers.get("etag") ?? "" };
}

export async function putBook(text: string, etag: string): Promise<void> {
  const response = await fetch(`${inject("url")}/v1/parking/tariffs`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${await tokenOf("manager")}`,
      "content-type": "application/toml",
      "if-match": etag,
    },
    body: text,
  });
  if (!response.ok) throw new Error(`the tariff book is refused: ${response.status} ${await response.text()}`);
}

export async function buildStreet(): Promise<Street> {
  const tag = randomBytes(3).toString("hex");
  const street = { paid: `Street_${tag}`, later: `Later_${tag}` };
  const { text, etag } = await bookInForce();
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" });
  const at = (hours: number) => clock.format(Date.now() + hours * 3_600_000);
  const later = table(`later-${tag}`, street.later, { from: at(2), to: at(6) });
  await putBook(`${text}${table(`street-${tag}`, street.paid, { from: "00:00", to: "24:00" })}${later}`, etag);
  // Each instance of the function keeps the book it has read for ten seconds.
  await new Promise((resolve) => setTimeout(resolve, 10_500));
  return street;
}

/** A plate that nobody has used. */
export function newPlate(): string {
  const letters = () => String.fromCharCode(...[...randomBytes(2)].map((byte) => 65 + (byte % 26)));
  const digits = String((randomBytes(2).readUInt16BE() % 900) + 100);
  return `${letters()}-${digits}-${letters()}`;
}

/** A stay that a demo user pays at once. */
export function park(user: string, zone: string, minutes: number, more: object = {}): Promise<ParkingSession> {
  return as<ParkingSession>(user, "POST", "/v1/parking/sessions", {
    id: crypto.randomUUID(),
    zone,
    plate: newPlate(),
    minutes,
    pay: { with: "method", id: "pm_card_visa" },
    ...more,
  });
}

/** The stays of a demo user's plate, the latest first. */
export async function staysOf(user: string, plate: string): Promise<ParkingSession[]> {
  const { sessions } = await as<{ sessions: ParkingSession[] }>(user, "GET", "/v1/parking/sessions?limit=100");
  return sessions.filter((one) => one.plate === plate.replaceAll("-", ""));
}

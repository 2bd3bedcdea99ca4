/** The manager's figures: what a range of days means, what rows say, and the table as a file. */
import { instantOf, parseDay } from "../bookings/zoned";
import type { By, Revenue, RevenueRow } from "./types";

/** The instants between which two local days lie, both included; null when they make no range. */
export function rangeOf(from: string, until: string, zone: string): { from: string; to: string } | null {
  const [first, last] = [parseDay(from), parseDay(until)];
  if (first === null || last === null || last < first) return null;
  const at = (day: number) => new Date(instantOf(day, 0, zone)).toISOString();
  return { from: at(first), to: at(last + 1) };
}

/** Rows as they are shown: hours of the day are all there, so that a gap is seen as one. */
export function shownRows(by: By, { rows }: Revenue): RevenueRow[] {
  if (by === "zone" || by === "class") return rows.toSorted((a, b) => b.net - a.net || a.key.localeCompare(b.key));
  if (by === "day") return rows;
  const empty = { sessions: 0, refunds: 0, gross: 0, refunded: 0, net: 0, minutes: 0 };
  return Array.from({ length: 24 }, (_, hour) => {
    const key = String(hour).padStart(2, "0");
    return rows.find((row) => row.key === key) ?? { key, ...empty };
  });
}

/** A name as a field of CSV (RFC 4180). One that a spreadsheet would take for a formula is told as text. */
function field(name: string): string {
  const text = /^[=+\-@\t\r]/.test(name) ? `'${name}` : name;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The table as CSV: amounts with a point and two decimals, as the ledger's own files have them. */
export function revenueCsv(by: By, rows: readonly RevenueRow[], currency: string): string {
  const amount = (cents: number) => (cents / 100).toFixed(2);
  const header = [by, "sessions", "refunds", "gross", "refunded", "net", "currency", "minutes"];
  const lines = rows.map((row) => [
    field(row.key),
    row.sessions,
    row.refunds,
    amount(row.gross),
    amount(row.refunded),
    amount(row.net),
    currency,
    row.minutes,
  ]);
  return [header, ...lines].map((line) => line.join(",")).join("\r\n") + "\r\n";
}

/** Where a line and a column (from 1, in characters) are in a text, as an offset in UTF-16 units. */
export function offsetOf(text: string, { line, column }: { line: number; column: number }): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const within = [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
  return Math.min(text.length, before + within);
}

/** The read API over the mock's world, with the answers' shapes, ETags and problem documents. */
import { createHash } from "node:crypto";
import type { World } from "./world.ts";

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

/** Answers a GET under /v1, or null for a path that is not part of it. */
export function read(world: World, url: URL, ifNoneMatch: string | undefined): Reply | null {
  if (url.pathname === "/v1/places") return conditional({ places: [...world.places.values()] }, ifNoneMatch);
  const match = /^\/v1\/places\/([^/]+)(?:\/(.+))?$/.exec(url.pathname);
  if (!match) return null;
  const id = decodeURIComponent(match[1] as string);
  const place = world.places.get(id);
  if (!place) return problem(404, "There is no such place");
  const part = match[2] ?? "";
  if (part.startsWith("export.")) return exported(world, id, part.slice(7), url.searchParams);
  const body = partOf(world, id, part, url.searchParams);
  return body === undefined ? problem(404, "There is no such resource") : conditional(body, ifNoneMatch);
}

function partOf(world: World, id: string, part: string, query: URLSearchParams): unknown {
  const lot = id === "default";
  switch (part) {
    case "":
      return world.places.get(id);
    case "spaces":
      return { place: id, at: new Date().toISOString(), spaces: world.spacesOf(id) };
    case "events":
      return { events: lot ? world.events.slice(0, Number(query.get("limit") ?? 50)) : [], next_cursor: null };
    case "alerts":
      return { alerts: lot ? world.alerts.slice(0, Number(query.get("limit") ?? 50)) : [] };
    case "findings":
      return { findings: lot ? findings() : [] };
    case "history":
      return historyOf(world, id, query);
    default:
      return undefined;
  }
}

function historyOf(world: World, id: string, query: URLSearchParams): unknown {
  const step = query.get("step") === "minute" ? "minute" : query.get("step") === "day" ? "day" : "hour";
  const from = query.get("from") ?? new Date(Date.now() - 86_400_000).toISOString();
  const to = query.get("to") ?? new Date().toISOString();
  return { place: id, zone: null, step, from, to, points: world.history(id, step, Date.parse(from), Date.parse(to)) };
}

function findings(): unknown[] {
  const since = new Date(Date.now() - 2_400_000).toISOString();
  return [
    {
      kind: "low_battery",
      zone: "Zone_A",
      space: 6,
      since: null,
      evidence: { battery: 9, threshold: 15 },
      text: "Battery at 9 %",
    },
    {
      kind: "silent",
      zone: "Zone_C",
      space: 20,
      since,
      evidence: { seen_at: since },
      text: "No message for 40 min",
    },
  ];
}

function exported(world: World, id: string, kind: string, query: URLSearchParams): Reply {
  const name = `${id}-${query.get("content") ?? "events"}.${kind}`;
  const headers = { "content-disposition": `attachment; filename="${name}"` };
  // The mock has no spreadsheet writer: an empty archive stands for the file.
  if (kind === "xlsx") {
    const type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    return {
      status: 200,
      headers: { ...headers, "content-type": type },
      body: Buffer.from("504b0506" + "00".repeat(18), "hex"),
    };
  }
  const rows = world.events.map(
    (event) => `${event.at},${event.type},${event.zone},${event.space},${event.dwell_seconds ?? ""}`,
  );
  const body = ["at,type,zone,space,dwell_seconds", ...rows].join("\r\n");
  return { status: 200, headers: { ...headers, "content-type": "text/csv; charset=utf-8" }, body };
}

function conditional(value: unknown, ifNoneMatch: string | undefined): Reply {
  const body = JSON.stringify(value);
  const etag = `"${createHash("sha1").update(body).digest("hex").slice(0, 16)}"`;
  const headers = { etag, "content-type": "application/json", "cache-control": "no-cache" };
  return ifNoneMatch === etag ? { status: 304, headers: { etag }, body: "" } : { status: 200, headers, body };
}

export function problem(status: number, title: string): Reply {
  const body = JSON.stringify({ type: "about:blank", title, status });
  return { status, headers: { "content-type": "application/problem+json" }, body };
}

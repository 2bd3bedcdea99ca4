/** Administration over the mock's world: roles, versions and conflicts as the product has them, validation only in outline. */
import type { IncomingHttpHeaders } from "node:http";
import type { Place, Space, Zone } from "../src/lib/api/types.ts";
import { problem, type Reply } from "./routes.ts";
import { newPlace, newSpace, newZone, type World } from "./world.ts";

interface Request {
  method: string;
  body: string;
  version: number | undefined;
}

export function write(world: World, method: string, path: string, body: string, headers: IncomingHttpHeaders): Reply {
  const refusal = refuse(headers.authorization);
  if (refusal) return refusal;
  const [places, id, zones, zoneId, spaces, number] = path.split("/").slice(2).map(decodeURIComponent);
  const match = headers["if-match"]?.replaceAll('"', "");
  const request = { method, body, version: match === undefined ? undefined : Number(match) };
  if (places !== "places") return problem(404, "Not found");
  if (method === "POST" && !id) return createPlace(world, body);
  if (method === "POST" && id === "import") return imported(world, body);
  const place = world.places.get(id ?? "");
  if (!place) return problem(404, "Not found");
  const reply = !zones
    ? changePlace(world, place, request)
    : changeZone(world, place, zoneId ?? "", spaces ? Number(number) : null, request);
  world.recount(place.id);
  return reply;
}

function refuse(authorization: string | undefined): Reply | null {
  const part = authorization?.split(".")[1];
  if (!part) return problem(401, "A login is needed");
  const claims = JSON.parse(Buffer.from(part, "base64url").toString()) as { "cognito:groups"?: string[] };
  const allowed = claims["cognito:groups"]?.some((role) => role === "admin" || role === "manager");
  return allowed ? null : problem(403, "Your role does not allow this");
}

function createPlace(world: World, body: string): Reply {
  const wanted = JSON.parse(body) as Place;
  if (world.places.has(wanted.id)) return problem(409, "There is a place of this id already.");
  world.places.set(wanted.id, { ...newPlace(wanted.id, wanted.name), ...wanted, version: 1, zones: [] });
  return json(201, wanted, 1);
}

function imported(world: World, body: string): Reply {
  const rows = body.trim().split("\n").slice(1);
  for (const row of rows) {
    const [id = "", name = ""] = row.split(",");
    world.places.set(id, newPlace(id, name));
  }
  const none = { created: 0, changed: 0 };
  return json(200, { rows: rows.length, places: { created: rows.length, changed: 0 }, zones: none, spaces: none });
}

function changePlace(world: World, place: Place, { method, body, version }: Request): Reply {
  const conflict = check(place.version, version);
  if (conflict) return conflict;
  if (method === "DELETE") {
    if (place.id === "default") return problem(409, "It has been in use, and its history needs it.");
    world.places.delete(place.id);
    return { status: 204, headers: {}, body: "" };
  }
  Object.assign(place, JSON.parse(body), { version: place.version + 1 });
  return json(200, place, place.version);
}

function changeZone(world: World, place: Place, id: string, number: number | null, request: Request): Reply {
  const zone = place.zones.find((one) => one.id === id);
  if (number !== null) return zone ? changeSpace(world, place, zone, number, request) : problem(404, "Not found");
  if (!zone) {
    if (request.method !== "PUT") return problem(404, "Not found");
    place.zones.push(newZone(id, JSON.parse(request.body) as Partial<Zone>));
    return json(201, {}, 1);
  }
  const conflict = check(zone.version ?? 0, request.version);
  if (conflict) return conflict;
  if (request.method === "DELETE") {
    place.zones = place.zones.filter((one) => one !== zone);
    return { status: 204, headers: {}, body: "" };
  }
  Object.assign(zone, JSON.parse(request.body), { version: (zone.version ?? 0) + 1 });
  return json(200, zone, zone.version);
}

function changeSpace(world: World, place: Place, zone: Zone, number: number, request: Request): Reply {
  const spaces = world.spacesOf(place.id);
  const space = spaces.find((one) => one.zone === zone.id && one.number === number);
  if (!space) {
    if (request.method !== "PUT") return problem(404, "Not found");
    spaces.push({ ...newSpace(zone.id, number), ...(JSON.parse(request.body) as Partial<Space>) });
  } else {
    const conflict = check(zone.version ?? 0, request.version);
    if (conflict) return conflict;
    if (request.method === "DELETE") spaces.splice(spaces.indexOf(space), 1);
    else Object.assign(space, JSON.parse(request.body));
  }
  zone.version = (zone.version ?? 0) + 1;
  return json(200, {}, zone.version);
}

function check(stored: number, expected: number | undefined): Reply | null {
  if (expected === undefined) return problem(428, "Say which version you change");
  return expected === stored ? null : problem(412, "It was changed in the meantime");
}

function json(status: number, body: unknown, version?: number): Reply {
  const etag: Record<string, string> = version === undefined ? {} : { etag: `"${version}"` };
  return { status, headers: { "content-type": "application/json", ...etag }, body: JSON.stringify(body) };
}

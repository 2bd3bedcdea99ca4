/** Hash routes, so that any static host serves every deep link. */

export type Route =
  { page: "dashboard"; place: string | null } | { page: "places" } | { page: "admin"; place: string | null };

/** `#/parking[/<place>]`, `#/places`, `#/admin[/<place>]`; anything else is the dashboard. */
export function parseRoute(hash: string): Route {
  const [page, argument] = hash.replace(/^#\/?/, "").split("?")[0]!.split("/");
  const place = argument ? safeDecode(argument) : null;
  if (page === "places") return { page: "places" };
  if (page === "admin") return { page: "admin", place };
  return { page: "dashboard", place };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const links = {
  dashboard: (place?: string | null) => (place ? `#/parking/${encodeURIComponent(place)}` : "#/parking"),
  places: () => "#/places",
  admin: (place?: string | null) => (place ? `#/admin/${encodeURIComponent(place)}` : "#/admin"),
};

class Router {
  route = $state.raw<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = parseRoute(location.hash)));
  }

  go(hash: string): void {
    location.hash = hash;
  }
}

export const router = new Router();

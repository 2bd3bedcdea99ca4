/** Hash routes, so that any static host serves every deep link. */

export type BookingPage = "calendar" | "find" | "mine" | "use" | "resources" | "check-in";

export type PaymentPage = "park" | "stays" | "vehicles" | "revenue" | "tariffs";
export type ForecastPage = "outlook" | "accuracy" | "backtest" | "maintenance";
export type NoticePage = "notifications" | "alerts" | "sent" | "texts" | "webhooks" | "unsubscribe";

export type Route =
  | { page: "dashboard"; place: string | null }
  | { page: "places" }
  | { page: "admin"; place: string | null }
  | { page: BookingPage; query: Record<string, string> }
  | { page: PaymentPage; query: Record<string, string> }
  | { page: ForecastPage; series: string }
  | { page: NoticePage; options: Record<string, string> };

const FORECAST_PAGES: readonly string[] = ["outlook", "accuracy", "backtest", "maintenance"];
const BOOKING_PAGES: readonly string[] = ["calendar", "find", "mine", "use", "resources"];
const PAYMENT_PAGES: readonly string[] = ["park", "stays", "vehicles", "revenue", "tariffs"];

const NOTICE_PAGES: readonly string[] = ["alerts", "sent", "texts", "webhooks"];

/**
 * `#/parking[/<place>]`, `#/places`, `#/admin[/<place>]`, `#/bookings[/<page>][?..]`, `#/pay[/<page>][?..]` (QR codes on meters hold
 * `#/pay?zone=..`), `#/check-in?..`, which QR codes on doors hold, `#/forecasts[/<page>][?series=..]`, `#/notifications[/<page>]`, and
 * `#/unsubscribe?token=..`, which e-mails hold, or `#/stop?t=..` in an SMS; anything else is the dashboard.
 */
export function parseRoute(hash: string): Route {
  const [path = "", search] = hash.replace(/^#\/?/, "").split("?");
  const [page, argument] = path.split("/");
  const query = Object.fromEntries(new URLSearchParams(search));
  if (page === "bookings") {
    const name = BOOKING_PAGES.includes(argument ?? "") ? (argument as BookingPage) : "calendar";
    return { page: name, query };
  }
  if (page === "pay") {
    const name = PAYMENT_PAGES.includes(argument ?? "") ? (argument as PaymentPage) : "park";
    return { page: name, query };
  }
  if (page === "forecasts") {
    const name = FORECAST_PAGES.includes(argument ?? "") ? (argument as ForecastPage) : "outlook";
    return { page: name, series: query.series ?? "" };
  }
  if (page === "check-in") return { page, query };
  if (page === "notifications") {
    const name = NOTICE_PAGES.includes(argument ?? "") ? (argument as NoticePage) : "notifications";
    return { page: name, options: query };
  }
  if (page === "unsubscribe") return { page, options: query };
  // The same in an SMS, where every sign counts.
  if (page === "stop") return { page: "unsubscribe", options: { token: query.t ?? "" } };
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

function searchOf(query: Record<string, string>): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return search ? `?${search}` : "";
}

/** Whether a route is one of the payment pages. */
export function isPayment(route: Route): route is { page: PaymentPage; query: Record<string, string> } {
  return PAYMENT_PAGES.includes(route.page);
}

export const links = {
  dashboard: (place?: string | null) => (place ? `#/parking/${encodeURIComponent(place)}` : "#/parking"),
  places: () => "#/places",
  /** Empty values are left out. */
  bookings: (page: BookingPage = "calendar", query: Record<string, string> = {}) =>
    `#/bookings${page === "calendar" ? "" : `/${page}`}${searchOf(query)}`,
  /** Empty values are left out. */
  pay: (page: PaymentPage = "park", query: Record<string, string> = {}) =>
    `#/pay${page === "park" ? "" : `/${page}`}${searchOf(query)}`,
  forecasts: (page: ForecastPage = "outlook", series = "") =>
    `#/forecasts${page === "outlook" ? "" : `/${page}`}${searchOf({ series })}`,
  notices: (page: NoticePage = "notifications") => `#/notifications${page === "notifications" ? "" : `/${page}`}`,
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

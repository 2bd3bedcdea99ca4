/** The parts of the product in the navigation. A coming part is one more entry here and its pages; nothing is shown before it is. */
import type { Key } from "./lib/i18n/en";
import { links, router, type Route } from "./lib/router.svelte";
import type { Role } from "./lib/auth/session.svelte";
import type { IconName } from "./components/icons";

export interface NavPage {
  page: Route["page"];
  label: Key;
  icon: IconName;
  href: () => string;
  /** Shown only to these roles; to everybody when absent. */
  roles?: Role[];
}

export interface Section {
  id: string;
  label: Key;
  pages: NavPage[];
}

const STAFF: Role[] = ["admin", "manager"];

export const sections: Section[] = [
  {
    id: "parking",
    label: "nav.parking",
    pages: [
      { page: "dashboard", label: "nav.dashboard", icon: "gauge", href: () => links.dashboard() },
      { page: "places", label: "nav.places", icon: "map", href: () => links.places() },
      { page: "admin", label: "nav.admin", icon: "tools", href: () => links.admin(), roles: STAFF },
    ],
  },
  {
    id: "payments",
    label: "nav.payments",
    pages: [
      { page: "park", label: "nav.park", icon: "timer", href: () => links.pay() },
      { page: "stays", label: "nav.stays", icon: "receipt", href: () => links.pay("stays") },
      { page: "vehicles", label: "nav.vehicles", icon: "car", href: () => links.pay("vehicles") },
      { page: "revenue", label: "nav.revenue", icon: "chart", href: () => links.pay("revenue"), roles: STAFF },
      { page: "tariffs", label: "nav.tariffs", icon: "tag", href: () => links.pay("tariffs"), roles: STAFF },
    ],
  },
  {
    id: "bookings",
    label: "nav.bookings",
    pages: [
      { page: "calendar", label: "nav.calendar", icon: "calendar", href: () => links.bookings() },
      { page: "find", label: "nav.find", icon: "search", href: () => links.bookings("find") },
      { page: "mine", label: "nav.mine", icon: "user", href: () => links.bookings("mine") },
      { page: "use", label: "nav.use", icon: "chart", href: () => links.bookings("use"), roles: STAFF },
      {
        page: "resources",
        label: "nav.resources",
        icon: "tools",
        href: () => links.bookings("resources"),
        roles: STAFF,
      },
    ],
  },
  {
    id: "forecasts",
    label: "nav.forecasts",
    pages: [
      { page: "outlook", label: "nav.outlook", icon: "trend", href: () => links.forecasts("outlook", openSeries()) },
      {
        page: "accuracy",
        label: "nav.accuracy",
        icon: "target",
        href: () => links.forecasts("accuracy", openSeries()),
      },
      {
        page: "backtest",
        label: "nav.backtest",
        icon: "flask",
        href: () => links.forecasts("backtest", openSeries()),
        roles: ["admin", "manager", "agent"],
      },
      {
        page: "maintenance",
        label: "nav.maintenance",
        icon: "tools",
        href: () => links.forecasts("maintenance"),
        roles: ["admin", "manager", "agent"],
      },
    ],
  },
  {
    id: "notices",
    label: "nav.notices",
    pages: [
      { page: "notifications", label: "nav.notifications", icon: "alert", href: () => links.notices() },
      { page: "alerts", label: "nav.alerts", icon: "gauge", href: () => links.notices("alerts") },
      {
        page: "sent",
        label: "nav.sent",
        icon: "search",
        href: () => links.notices("sent"),
        roles: ["admin", "manager"],
      },
      {
        page: "texts",
        label: "nav.texts",
        icon: "plan",
        href: () => links.notices("texts"),
        roles: ["admin", "manager"],
      },
      {
        page: "webhooks",
        label: "nav.webhooks",
        icon: "leave",
        href: () => links.notices("webhooks"),
        roles: ["admin", "manager"],
      },
    ],
  },
];

/** The pages of forecasts are about one series: it stays when another of them is opened. */
function openSeries(): string {
  return "series" in router.route ? router.route.series : "";
}

/** The part of the product that a page belongs to; of those in no navigation, the door's check-in belongs to the bookings, the others to the last. */
export function sectionOf(page: Route["page"]): Section {
  const shownIn = page === "check-in" ? "calendar" : page;
  return sections.find((section) => section.pages.some((one) => one.page === shownIn)) ?? sections.at(-1)!;
}

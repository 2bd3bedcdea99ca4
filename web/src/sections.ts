/** The parts of the product in the navigation. A coming part is one more entry here and its pages; nothing is shown before it is. */
import type { Key } from "./lib/i18n/en";
import { links, type Route } from "./lib/router.svelte";
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

export const sections: Section[] = [
  {
    id: "parking",
    label: "nav.parking",
    pages: [
      { page: "dashboard", label: "nav.dashboard", icon: "gauge", href: () => links.dashboard() },
      { page: "places", label: "nav.places", icon: "map", href: () => links.places() },
      { page: "admin", label: "nav.admin", icon: "tools", href: () => links.admin(), roles: ["admin", "manager"] },
    ],
  },
];

import type { Alert, Place } from "../../lib/api/types";
import type { Format } from "../../lib/format";
import { t } from "../../lib/prefs.svelte";

/** The name of a zone, or its id when the register does not know it (yet). */
export function zoneName(place: Place, zone: string): string {
  return place.zones.find((one) => one.id === zone)?.name ?? zone;
}

/** One sentence for an alert, in the page's language. */
export function alertTitle(alert: Alert, place: Place, format: Format): string {
  const where = alert.zone === null ? t("alerts.wholePlace") : zoneName(place, alert.zone);
  return alert.type === "raised"
    ? t("alerts.raised", { where, level: t(`level.${alert.level}`).toLocaleLowerCase(format.language) })
    : t("alerts.cleared", { where, threshold: format.percent(alert.threshold) });
}

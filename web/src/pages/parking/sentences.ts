import type { Alert, Finding, Place } from "../../lib/api/types";
import type { Format } from "../../lib/format";
import { t } from "../../lib/prefs.svelte";

/** The name of a zone, or its id when the register does not know it (yet). */
export function zoneName(place: Place, zone: string): string {
  return place.zones.find((one) => one.id === zone)?.name ?? zone;
}

/** One sentence for an alert, in the page's language. */
export function alertTitle(alert: Alert, place: Place, format: Format): string {
  const where = alert.zone === null ? t("alerts.wholePlace") : zoneName(place, alert.zone);
  if (alert.type === "expected") {
    return t("alerts.expected", {
      where,
      threshold: format.percent(alert.threshold),
      time: format.time(alert.expected_at ?? alert.at),
      chance: format.percent(100 * (alert.chance ?? 0)),
    });
  }
  return alert.type === "raised"
    ? t("alerts.raised", { where, level: t(`level.${alert.level}`).toLocaleLowerCase(format.language) })
    : t("alerts.cleared", { where, threshold: format.percent(alert.threshold) });
}

/** What a finding rests on, in the page's language. */
export function findingText(finding: Finding, format: Format): string {
  const { evidence } = finding;
  if (evidence.battery !== undefined) return t("findings.batteryText", { percent: format.percent(evidence.battery) });
  if (evidence.seen_at) return t("findings.silentText", { time: format.dateTime(evidence.seen_at) });
  if (evidence.reports !== undefined && evidence.occupied !== undefined) {
    return t(evidence.never_changed ? "findings.neverChangedText" : "findings.stuckText", {
      occupied: format.number(evidence.occupied),
      reports: format.number(evidence.reports),
      changed: format.number(evidence.neighbours_changed ?? 0),
      neighbours: format.number(evidence.neighbours ?? 0),
    });
  }
  if (evidence.status)
    return t("findings.stuckSpaceText", { state: t(`space.${evidence.status}`).toLocaleLowerCase() });
  return finding.text;
}

import type { Space } from "../api/types";
import { asPercent, type Format } from "../format";
import { t } from "../prefs.svelte";

/** What a space is now, in one word. */
export function stateName(space: Space): string {
  return space.closed ? t("space.closed") : t(`space.${space.status}`);
}

/** The whole space in one sentence, for screen readers and tooltips. */
export function describe(space: Space, zone: string, format: Format): string {
  const parts = [space.label ?? t("space.name", { n: space.number }), zone, stateName(space)];
  if (space.since && space.status !== "unknown")
    parts.push(`${t("space.since").toLocaleLowerCase()} ${format.time(space.since)}`);
  if (space.kind !== "standard") parts.push(t(`kind.${space.kind}`));
  if (space.connectivity === "lost") parts.push(t("space.lost"));
  return parts.join(", ");
}

/** Label and value of each detail that is shown for a chosen space. */
export function details(space: Space, zone: string, format: Format, now: number): { term: string; value: string }[] {
  const none = t("space.none");
  const age = (at: string) =>
    t("space.sinceAge", { time: format.moment(at, now), age: format.duration((now - Date.parse(at)) / 1000) });
  const connectivity = { online: t("space.online"), lost: t("space.lost"), unknown: t("space.connUnknown") };
  return [
    { term: t("space.zone"), value: zone },
    { term: t("space.kind"), value: t(`kind.${space.kind}`) },
    { term: t("space.since"), value: space.since ? age(space.since) : none },
    { term: t("space.seen"), value: space.seen_at ? age(space.seen_at) : none },
    { term: t("space.connectivity"), value: connectivity[space.connectivity] },
    { term: t("space.battery"), value: space.battery === null ? none : format.percent(space.battery) },
    {
      term: t("space.confidence"),
      value: space.confidence === null ? none : format.percent(asPercent(space.confidence)),
    },
  ];
}

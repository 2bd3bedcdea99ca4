/** The week ahead as days and hours. */
import type { Format } from "../format";
import type { Step, Unit } from "./types";

export interface HeatCell {
  hour: number;
  /** How full, 0 to 1, of the capacity or of the week's highest value. */
  level: number;
  /** The lowest chance of a place within the hour; null where there is no such thing. */
  chance: number | null;
  /** Mean of the medians of the hour. */
  value: number;
  open: boolean;
}

export interface HeatDay {
  /** 2026-11-21 */
  day: string;
  at: number;
  cells: (HeatCell | null)[];
}

/** One row per local day, one cell per hour; an hour that a clock change repeats is one cell. */
export function heatMap(steps: Step[], unit: Unit, capacity: number | null, format: Format): HeatDay[] {
  const days = new Map<string, { at: number; hours: Step[][] }>();
  for (const step of steps) {
    const at = Date.parse(step.at);
    const { day, hour } = format.localHour(at);
    const row = days.get(day) ?? { at, hours: Array.from({ length: 24 }, () => []) };
    row.hours[hour]!.push(step);
    days.set(day, row);
  }
  const mean = (all: Step[]) => all.reduce((sum, step) => sum + step.median, 0) / all.length;
  const most = capacity ?? Math.max(1e-9, ...steps.map((step) => step.median));
  const cell = (all: Step[], hour: number): HeatCell | null => {
    if (all.length === 0) return null;
    const value = mean(all);
    const level = unit === "free_spaces" ? 1 - value / most : value / most;
    const chances = all.map((step) => step.chance_of_place).filter((chance) => chance !== null);
    return {
      hour,
      value,
      level: Math.min(1, Math.max(0, level)),
      chance: chances.length > 0 ? Math.min(...chances) : null,
      open: all.some((step) => step.open),
    };
  };
  return [...days].map(([day, { at, hours }]) => ({ day, at, cells: hours.map(cell) }));
}

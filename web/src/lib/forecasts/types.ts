/** Shapes of the forecasts API. Times are RFC 3339 UTC, shares and chances 0 to 1. */

export interface Band {
  low: number;
  high: number;
}

export interface Step {
  at: string;
  open: boolean;
  mean: number;
  median: number;
  band_50: Band;
  band_80: Band;
  band_95: Band;
  chance_of_place: number | null;
}

export type Unit = "free_spaces" | "count" | "bounded" | "amount";

/** A fact or a reason: a code and its numbers. */
export interface Coded {
  [name: string]: unknown;
}

export interface SeriesInfo {
  /** `parking/<place>[/<zone>]`, `coworking/<site>/<measure>` or `fed/<name>`. */
  series: string;
  title: string;
  unit: Unit;
  capacity: number | null;
  step_minutes: number;
  timezone: string;
  state: "forecast" | "refused" | "pending";
  refusal: { reason: Coded; text: string; at: string } | null;
  origin: string | null;
  /** The end of what was observed; null of what rests on similar places. */
  known_until: string | null;
  /** Whether the source has fallen silent since. */
  silent: boolean;
  trained_at: string | null;
  borrowed: boolean;
  expected_error: number | null;
  drift: number | null;
}

export interface ModelInfo {
  model: string;
  weight: number;
  mae: number | null;
}

export interface Reason {
  fact: Coded;
  text: string;
}

export interface Forecast extends SeriesInfo {
  trained_from: string | null;
  model_version: number | null;
  models: ModelInfo[];
  explanation: Reason[];
  steps: Step[];
  earlier: Step[];
}

export interface Arrival extends SeriesInfo {
  step: Step | null;
  better: Step | null;
  explanation: Reason[];
}

/** A place and time with a better chance. */
export interface Suggestion {
  why: "other_zone" | "other_time" | "other_place";
  place: string;
  zone: string | null;
  name: string;
  distance_metres: number;
  step: Step;
}

/** What to do with capacity, with what it rests on. */
export type Advice =
  | { advice: "close_zone"; name: string; days: string[]; most_taken: number; capacity_left: number }
  | { advice: "open_zone"; name: string; from: string; expected: number; capacity: number }
  | { advice: "convert_spaces"; name: string; crowded_name: string; crowded_share: number; idle_peak: number }
  | {
      advice: "staff_reception";
      day: string;
      from_hour: number;
      until_hour: number;
      expected: number;
      capacity: number;
    };

/** What was forecast of a step, and what came. */
export interface Outcome {
  at: string;
  value: number;
  median: number;
  band_80: Band;
}

export interface ScoredDay {
  day: string;
  origin: string;
  steps: number;
  mae: number;
  mase: number | null;
  coverage_80: number;
  coverage_95: number;
  /** Made afterwards, knowing only what was known when the day began. */
  reconstructed: boolean;
  points?: Outcome[];
}

export interface Accuracy extends SeriesInfo {
  mae: number | null;
  coverage_80: number | null;
  coverage_95: number | null;
  days: ScoredDay[];
}

export interface Contender {
  model: string;
  steps: number;
  mae: number | null;
  mase: number | null;
  wape: number | null;
  crps: number | null;
  coverage_80: number | null;
  coverage_95: number | null;
  mae_by_day_ahead: (number | null)[];
}

export interface Backtest {
  id: string;
  series: string;
  asked_at: string;
  at: string;
  from: string;
  every_hours: number;
  horizon_hours: number;
  /** `failed`: not done in hours, and never will be. */
  state: "pending" | "measured" | "refused" | "failed";
  reason: Coded | null;
  origins: number;
  contenders: Contender[];
  /** Empty in the list. */
  points: Outcome[];
}

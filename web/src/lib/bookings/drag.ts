/** Making, moving and resizing on a calendar, by pointer or keyboard: what a grip and a place make of a stretch of time. */
import type { Hours } from "./layout";

export type Grip = "create" | "move" | "start" | "end";

/** A stretch of a lane that somebody is about to want. */
export interface Draft {
  grip: Grip;
  lane: number;
  from: number;
  to: number;
  /** Where in it the pointer holds it, in minutes after its start; where it began, for a new one. */
  hold: number;
}

export interface Grid {
  /** Minutes that starts and lengths are multiples of. */
  step: number;
  /** Shortest and usual length of a new one. */
  least: number;
  hours: Hours;
  lanes: number;
}

function floor(minute: number, { step }: Grid): number {
  return Math.floor(minute / step) * step;
}

function nearest(minute: number, { step }: Grid): number {
  return Math.round(minute / step) * step;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** A new stretch where the pointer went down. */
export function create(lane: number, minute: number, grid: Grid): Draft {
  const from = clamp(floor(minute, grid), grid.hours.from, grid.hours.to - grid.step);
  return { grip: "create", lane, from, to: Math.min(from + grid.least, grid.hours.to), hold: from };
}

/** Something that is there, held at `minute`. */
export function hold(grip: Grip, lane: number, from: number, to: number, minute: number): Draft {
  return { grip, lane, from, to, hold: minute - from };
}

/** The draft with the pointer at `minute` of `lane`. */
export function drag(draft: Draft, lane: number, minute: number, grid: Grid): Draft {
  const { hours, step, least } = grid;
  const at = clamp(minute, hours.from, hours.to);
  switch (draft.grip) {
    case "create": {
      if (at < draft.hold) {
        return {
          ...draft,
          from: Math.max(hours.from, Math.min(floor(at, grid), draft.hold + step - least)),
          to: draft.hold + step,
        };
      }
      const to = Math.max(draft.hold + least, floor(at + step - 1, grid));
      return { ...draft, from: draft.hold, to: Math.min(to, hours.to) };
    }
    case "move": {
      const length = draft.to - draft.from;
      const from = clamp(nearest(minute - draft.hold, grid), hours.from, Math.max(hours.from, hours.to - length));
      return { ...draft, lane, from, to: from + length };
    }
    case "start":
      return { ...draft, from: clamp(nearest(at, grid), hours.from, draft.to - least) };
    case "end":
      return { ...draft, to: clamp(nearest(at, grid), draft.from + least, hours.to) };
  }
}

export type Move = { time: number; lane: number };

/** What an arrow key means, when time runs down (`vertical`) or across. */
export function arrow(key: string, vertical: boolean): Move | null {
  const [back, on, up, down] = vertical
    ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]
    : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  if (key === back) return { time: -1, lane: 0 };
  if (key === on) return { time: 1, lane: 0 };
  if (key === up) return { time: 0, lane: -1 };
  if (key === down) return { time: 0, lane: 1 };
  return null;
}

/** The draft moved by steps, or with its end moved when `resize` is wanted. */
export function step(draft: Draft, move: Move, resize: boolean, grid: Grid): Draft {
  const by = move.time * grid.step;
  if (resize) {
    if (move.time === 0) return draft;
    return { ...draft, to: clamp(draft.to + by, draft.from + grid.step, grid.hours.to) };
  }
  const length = draft.to - draft.from;
  const from = clamp(draft.from + by, grid.hours.from, Math.max(grid.hours.from, grid.hours.to - length));
  return { ...draft, lane: clamp(draft.lane + move.lane, 0, grid.lanes - 1), from, to: from + length };
}

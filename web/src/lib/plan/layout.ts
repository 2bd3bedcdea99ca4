/** Where each space is drawn. Pure geometry in SVG units; one unit is one CSS pixel for drawn-up rows. */
import type { Space } from "../api/types";

export interface Bay {
  space: Space;
  x: number;
  y: number;
  width: number;
  height: number;
  /** The side that is open to the aisle. */
  opens: "down" | "up";
}

export interface ZonePlan {
  width: number;
  height: number;
  /** Heights of the middle lines of the aisles. */
  aisles: number[];
  bays: Bay[];
}

export const BAY_WIDTH = 46;
export const BAY_HEIGHT = 72;
export const AISLE = 26;
/** Room for a zone's name above its bays. */
const LABEL = 24;

/**
 * Rows of bays as a car park has them, for spaces without coordinates: two rows face one aisle, the next two stand back to back
 * with them. Rows are evened out, so that 10 spaces in room for 9 become 5 + 5.
 */
export function rowsOf(spaces: Space[], room: number): ZonePlan {
  const most = Math.max(1, Math.floor(room / BAY_WIDTH));
  const rows = Math.max(1, Math.ceil(spaces.length / most));
  const columns = Math.max(1, Math.ceil(spaces.length / rows));
  const bays = spaces.map((space, index): Bay => {
    const row = Math.floor(index / columns);
    const column = index % columns;
    return {
      space,
      x: column * BAY_WIDTH,
      y: rowTop(row),
      width: BAY_WIDTH,
      height: BAY_HEIGHT,
      opens: row % 2 === 0 ? "down" : "up",
    };
  });
  const height = rowTop(rows - 1) + BAY_HEIGHT + (rows % 2 === 1 ? AISLE : 0);
  const aisles = Array.from({ length: Math.ceil(rows / 2) }, (_, pair) => rowTop(2 * pair) + BAY_HEIGHT + AISLE / 2);
  return { width: columns * BAY_WIDTH, height, aisles, bays };
}

function rowTop(row: number): number {
  return row * BAY_HEIGHT + Math.ceil(row / 2) * AISLE;
}

export function groupByZone(spaces: Space[]): Map<string, Space[]> {
  const zones = new Map<string, Space[]>();
  for (const space of spaces) {
    const group = zones.get(space.zone);
    if (group) group.push(space);
    else zones.set(space.zone, [space]);
  }
  return zones;
}

/** Zones of which the register says where every space is. */
export function surveyedZones(zones: Map<string, Space[]>): Set<string> {
  const known = (spaces: Space[]) => spaces.length > 1 && spaces.every((space) => space.x !== null && space.y !== null);
  return new Set([...zones].filter(([, spaces]) => known(spaces)).map(([zone]) => zone));
}

/**
 * Spaces at their registered middle x, y (metres or any unit, y downward). The closest two neighbours give the size of a bay; what is
 * wider apart than an aisle is drawn as an aisle, so that the plan keeps its order without its emptiness.
 */
export function surveyed(spaces: Space[]): ZonePlan {
  const points = spaces.map((space) => ({ space, x: space.x ?? 0, y: space.y ?? 0 }));
  const step = closest(points);
  const scale = BAY_WIDTH / step;
  const room = roomBelow(points, step) * scale;
  const height = room < BAY_HEIGHT ? Math.min(BAY_WIDTH, room) : BAY_HEIGHT;
  const xs = compressed(
    points.map((point) => point.x),
    scale,
    2 * BAY_WIDTH,
  );
  const ys = compressed(
    points.map((point) => point.y),
    scale,
    BAY_HEIGHT + AISLE + LABEL,
  );
  const bays = points.map((point): Bay => ({
    space: point.space,
    x: xs.get(point.x) ?? 0,
    y: (ys.get(point.y) ?? 0) + LABEL,
    width: BAY_WIDTH,
    height,
    opens: "down",
  }));
  return {
    width: Math.max(...bays.map((bay) => bay.x)) + BAY_WIDTH,
    height: Math.max(...bays.map((bay) => bay.y)) + height + AISLE,
    aisles: [],
    bays,
  };
}

/** Where each value is drawn: in order and to scale, but never more than `most` after the one before. */
function compressed(values: number[], scale: number, most: number): Map<number, number> {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const drawn = new Map<number, number>();
  let at = 0;
  for (const [index, value] of sorted.entries()) {
    if (index > 0) at += Math.min((value - (sorted[index - 1] as number)) * scale, most);
    drawn.set(value, at);
  }
  return drawn;
}

/** Upper left corner of each zone's bays, where its name stands. */
export function zoneCorners(plan: ZonePlan): Map<string, { x: number; y: number }> {
  const corners = new Map<string, { x: number; y: number }>();
  for (const bay of plan.bays) {
    const known = corners.get(bay.space.zone);
    corners.set(bay.space.zone, { x: Math.min(bay.x, known?.x ?? Infinity), y: Math.min(bay.y, known?.y ?? Infinity) });
  }
  return corners;
}

type Point = { x: number; y: number };

/** Smallest distance between two spaces, along the axis on which they differ most; found along x, where few are near. */
function closest(points: Point[]): number {
  const sorted = points.toSorted((a, b) => a.x - b.x || a.y - b.y);
  let best = Infinity;
  for (const [index, point] of sorted.entries()) {
    for (let other = index + 1; other < sorted.length; other++) {
      const next = sorted[other] as Point;
      if (next.x - point.x >= best) break;
      const distance = Math.max(next.x - point.x, Math.abs(next.y - point.y));
      if (distance > 0) best = Math.min(best, distance);
    }
  }
  return Number.isFinite(best) ? best : 1;
}

/** Smallest vertical distance between spaces that stand (nearly) above each other. */
function roomBelow(points: Point[], step: number): number {
  const sorted = points.toSorted((a, b) => a.x - b.x);
  let best = Infinity;
  for (const [index, point] of sorted.entries()) {
    for (let other = index + 1; other < sorted.length; other++) {
      const next = sorted[other] as Point;
      if (next.x - point.x >= step * 0.99) break;
      const distance = Math.abs(next.y - point.y);
      if (distance > 0) best = Math.min(best, distance);
    }
  }
  return best;
}

/** The bay next to `from` in the direction of an arrow key: the nearest one that lies mostly that way. */
export function neighbour(bays: Bay[], from: number, key: string): number {
  const direction = ARROWS[key];
  const start = bays[from];
  if (!direction || !start) return from;
  let best = from;
  let bestCost = Infinity;
  for (const [index, bay] of bays.entries()) {
    const along = (bay.x - start.x) * direction[0] + (bay.y - start.y) * direction[1];
    const aside = Math.abs((bay.x - start.x) * direction[1] + (bay.y - start.y) * direction[0]);
    if (index === from || along <= 0 || aside > along) continue;
    const cost = along + 2 * aside;
    if (cost < bestCost) {
      best = index;
      bestCost = cost;
    }
  }
  return best;
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The dial: its steps are the points of the price curve, its arc leaves a gap below, where a hand comes from. Without DOM. */
import type { Format } from "../format";
import type { PricePoint, Prices } from "./types";

/** Degrees clockwise from twelve o'clock at which the arc begins and ends. */
export const ARC = { from: -150, to: 150 };

/** Short stays are what people buy: the first steps have more of the arc than the last ones. */
const BEND = 0.6;
const MINUTE_MS = 60_000;

/** The direction of the knob, in degrees clockwise from twelve o'clock. */
export function angleOf(index: number, count: number): number {
  const share = count > 1 ? (index / (count - 1)) ** BEND : 1;
  return ARC.from + (ARC.to - ARC.from) * share;
}

/** The step that a finger at (x, y) from the middle points to; y grows downwards. In the gap, the nearer end. */
export function indexAt(x: number, y: number, count: number): number {
  const degrees = (Math.atan2(x, -y) * 180) / Math.PI;
  const within = Math.min(ARC.to, Math.max(ARC.from, degrees));
  return Math.round(((within - ARC.from) / (ARC.to - ARC.from)) ** (1 / BEND) * (count - 1));
}

/** A point of a circle around (0, 0). */
export function onCircle(degrees: number, radius: number): { x: number; y: number } {
  const radians = (degrees * Math.PI) / 180;
  return { x: radius * Math.sin(radians), y: -radius * Math.cos(radians) };
}

/** The arc between two directions as an SVG path. */
export function arcPath(from: number, to: number, radius: number): string {
  const [a, b] = [onCircle(from, radius), onCircle(to, radius)];
  const fixed = (value: number) => value.toFixed(2);
  return `M${fixed(a.x)} ${fixed(a.y)}A${radius} ${radius} 0 ${to - from > 180 ? 1 : 0} 1 ${fixed(b.x)} ${fixed(b.y)}`;
}

/** Where a key of a slider (WAI-ARIA) leads; null for other keys. Pages are an hour, or a tenth where steps are longer. */
export function keyStep(key: string, index: number, points: readonly PricePoint[]): number | null {
  const last = points.length - 1;
  const bound = (to: number) => Math.min(last, Math.max(0, to));
  const page = (direction: 1 | -1) => {
    const wanted = points[index]!.minutes + direction * 60;
    const found = indexOf(points, wanted);
    return bound(found === index ? index + direction * Math.max(1, Math.round(last / 10)) : found);
  };
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return bound(index + 1);
    case "ArrowLeft":
    case "ArrowDown":
      return bound(index - 1);
    case "PageUp":
      return page(1);
    case "PageDown":
      return page(-1);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** The step nearest to a paid time; of two equally near, the longer. */
export function indexOf(points: readonly PricePoint[], minutes: number): number {
  let best = 0;
  for (let at = 1; at < points.length; at++) {
    const [near, far] = [Math.abs(points[at]!.minutes - minutes), Math.abs(points[best]!.minutes - minutes)];
    if (near <= far) best = at;
  }
  return best;
}

/** When paid hours begin, if nothing is due at the start of the stay. */
export function freeUntil({ start, points }: Prices): string | null {
  const first = points[0];
  if (!first) return null;
  const begins = Date.parse(first.end) - first.minutes * MINUTE_MS;
  // Rounding to the billing unit moves ends by less than a minute.
  return begins - Date.parse(start) > MINUTE_MS ? new Date(begins).toISOString() : null;
}

/**
 * How a chosen point is asked for. Minutes from now keep their length while the driver still looks, so the price stays what it was; a stay
 * that begins in free time or crosses a night is asked for by its end.
 */
export function lengthOf(prices: Prices, point: PricePoint): { end: string } | { minutes: number } {
  const wall = Math.round((Date.parse(point.end) - Date.parse(prices.start)) / MINUTE_MS);
  return wall === point.minutes ? { minutes: wall } : { end: point.end };
}

/** Steps that are offered as buttons, as many as a phone has room for: usual lengths that the curve has, and the longest. */
export function shortcuts(points: readonly PricePoint[], from = 0): number[] {
  const usual = [30, 60, 120]
    .map((minutes) => points.findIndex((point) => point.minutes - from === minutes))
    .filter((index) => index !== -1 && index < points.length - 1);
  return points.length === 0 ? [] : [...usual, points.length - 1];
}

/** Degrees between two marks, so that their texts have room. */
const APART = 24;

/** What is written on the dial: round lengths (counted from `from` minutes on), as many as have room. */
export function marks(points: readonly PricePoint[], from = 0): { angle: number; minutes: number }[] {
  const shown: { angle: number; minutes: number }[] = [];
  // Hours that are rounder have the first choice of room.
  for (const every of [1440, 720, 360, 180, 120, 60, 30, 15]) {
    for (const [index, point] of points.entries()) {
      const minutes = point.minutes - from;
      const angle = angleOf(index, points.length);
      if (minutes % every === 0 && shown.every((mark) => Math.abs(mark.angle - angle) >= APART))
        shown.push({ angle, minutes });
    }
  }
  return shown;
}

/** 45 min, 1 h, 1 h 30, 24 h: as people say how long they park. */
export function lengthText(minutes: number, format: Format): string {
  return minutes >= 60 && minutes <= 4320 && minutes % 60 === 0
    ? `${format.number(minutes / 60)} h`
    : format.duration(minutes * 60);
}

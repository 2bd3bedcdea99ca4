/** Markers that would cover each other become one, and labels are shown where there is room for them. */
import type { Point, Size } from "./projection";

export interface Cluster<T> {
  x: number;
  y: number;
  members: T[];
}

/**
 * Joins points closer than `reach` pixels in x and half of it in y (markers are wider than high). Greedy in the given order, which
 * is the caller's order of importance, so that the picture does not jump while it is moved.
 */
export function cluster<T>(points: (Point & { item: T })[], reach: number): Cluster<T>[] {
  const clusters: (Cluster<T> & { anchor: Point })[] = [];
  for (const point of points) {
    const near = clusters.find(
      ({ anchor }) => Math.abs(anchor.x - point.x) < reach && Math.abs(anchor.y - point.y) < reach / 2,
    );
    if (near) near.members.push(point.item);
    else clusters.push({ x: point.x, y: point.y, anchor: point, members: [point.item] });
  }
  return clusters.map(({ x, y, members }) => ({ x, y, members }));
}

export interface Label {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Which labels can be shown without covering another label, a marker or the edge. */
export function freeLabels(labels: Label[], markers: Label[], size: Size): boolean[] {
  const placed: Label[] = [];
  return labels.map((label, index) => {
    const inside =
      label.x >= 0 && label.y >= 0 && label.x + label.width <= size.width && label.y + label.height <= size.height;
    const free =
      inside &&
      placed.every((other) => !overlaps(label, other)) &&
      markers.every((marker, at) => at === index || !overlaps(label, marker));
    if (free) placed.push(label);
    return free;
  });
}

function overlaps(a: Label, b: Label): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

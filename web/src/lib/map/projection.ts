/** Web Mercator, without tiles: degrees to a unit square and on to the pixels of a view. */

export interface Point {
  x: number;
  y: number;
}

/** What part of the world is shown: its middle in the unit square, and pixels per unit. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const MAX_LATITUDE = 85.05;
/** Pixels per unit: the world in one tile, and about 15 cm a pixel. */
const MIN_SCALE = 256;
const MAX_SCALE = 256 * 2 ** 20;
const EARTH_METRES = 40_075_016.7;

export function project(lat: number, lon: number): Point {
  const clamped = Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, lat));
  const sine = Math.sin((clamped * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

export function unproject(point: Point): { lat: number; lon: number } {
  const lat = (Math.atan(Math.sinh(Math.PI * (1 - 2 * point.y))) * 180) / Math.PI;
  return { lat, lon: (point.x - 0.5) * 360 };
}

export function toScreen(point: Point, view: View, size: Size): Point {
  return { x: (point.x - view.x) * view.scale + size.width / 2, y: (point.y - view.y) * view.scale + size.height / 2 };
}

export function fromScreen(point: Point, view: View, size: Size): Point {
  return { x: (point.x - size.width / 2) / view.scale + view.x, y: (point.y - size.height / 2) / view.scale + view.y };
}

/** The view that shows all points with `margin` pixels around; a single point is shown with its quarter. */
export function fit(points: Point[], size: Size, margin = 56): View {
  if (points.length === 0) return { x: 0.5, y: 0.4, scale: MIN_SCALE };
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const quarter = 1_000 / EARTH_METRES;
  const wide = Math.max(1, size.width - 2 * margin) / Math.max(right - left, quarter);
  const high = Math.max(1, size.height - 2 * margin) / Math.max(bottom - top, quarter);
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale: clampScale(Math.min(wide, high)) };
}

/** A city and its surroundings, in the unit square. */
const CITY = 30_000 / EARTH_METRES;
/** Share of the points that makes a city the one to show first. */
const MOST = 0.7;

/**
 * The points to show first: all of them, unless most lie in one city and the others far from it, which would make the city a dot.
 */
export function mainGroup<T extends Point>(points: T[]): T[] {
  const middle = { x: median(points.map((point) => point.x)), y: median(points.map((point) => point.y)) };
  const near = points.filter((point) => Math.hypot(point.x - middle.x, point.y - middle.y) <= CITY);
  return points.length > 3 && near.length >= MOST * points.length ? near : points;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Zooms by `factor`, keeping the place under `anchor` (pixels) where it is. */
export function zoom(view: View, size: Size, factor: number, anchor: Point): View {
  const scale = clampScale(view.scale * factor);
  const fixed = fromScreen(anchor, view, size);
  return {
    scale,
    x: fixed.x - (anchor.x - size.width / 2) / scale,
    y: fixed.y - (anchor.y - size.height / 2) / scale,
  };
}

export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale };
}

function clampScale(scale: number): number {
  return Math.max(MIN_SCALE, Math.min(MAX_SCALE, scale));
}

/** Metres per pixel in the middle of the view. */
export function metresPerPixel(view: View): number {
  const { lat } = unproject(view);
  return (EARTH_METRES * Math.cos((lat * Math.PI) / 180)) / view.scale;
}

/** The longest round length (1, 2 or 5 times a power of ten) of at most `room` pixels. */
export function scaleBar(view: View, room: number): { metres: number; pixels: number } {
  const most = metresPerPixel(view) * room;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((one) => one * power <= most) ?? 1;
  const metres = step * power;
  return { metres, pixels: metres / metresPerPixel(view) };
}

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

export interface GridLine {
  at: number;
  degrees: number;
}

/** Meridians and parallels about `spacing` pixels apart, in pixels of the view. */
export function graticule(view: View, size: Size, spacing = 150): { meridians: GridLine[]; parallels: GridLine[] } {
  const perPixel = 360 / view.scale;
  const step = STEPS.find((one) => one / perPixel <= spacing * 1.6) ?? (STEPS.at(-1) as number);
  const topLeft = unproject(fromScreen({ x: 0, y: 0 }, view, size));
  const bottomRight = unproject(fromScreen({ x: size.width, y: size.height }, view, size));
  const values = (from: number, to: number) => {
    const first = Math.ceil(from / step);
    const count = Math.min(60, Math.floor(to / step) - first + 1);
    return Array.from({ length: Math.max(0, count) }, (_, index) => Math.round((first + index) * step * 1e6) / 1e6);
  };
  return {
    meridians: values(topLeft.lon, bottomRight.lon).map((lon) => ({
      degrees: lon,
      at: toScreen(project(0, lon), view, size).x,
    })),
    parallels: values(bottomRight.lat, topLeft.lat).map((lat) => ({
      degrees: lat,
      at: toScreen(project(lat, 0), view, size).y,
    })),
  };
}

/** Shapes of the read API (`/v1`), of `/config.json` and of the live MQTT messages. Rates are percentages, times RFC 3339 UTC. */

export type Level = "normal" | "busy" | "saturated";
export type SpaceStatus = "free" | "occupied" | "unknown";
export type Connectivity = "online" | "lost" | "unknown";
export type SpaceKind = "standard" | "disabled" | "electric" | "motorcycle" | "delivery";

export interface AppConfig {
  /** Prefix of API paths; empty when pages and API share an origin. */
  api: string;
  mqtt: { url: string; authorizer: string | null } | null;
  oidc: { issuer: string; client_id: string } | null;
  default_place: string;
}

export interface Occupancy {
  total: number;
  free: number;
  occupied: number;
  unknown: number;
  /** Occupied in percent of total. */
  rate: number;
  updated_at: string | null;
}

export interface Thresholds {
  busy: number;
  saturated: number;
  hysteresis: number;
}

export interface Zone {
  id: string;
  name: string;
  source: "spaces" | "counter";
  status: "open" | "closed";
  occupancy: Occupancy;
  level: Level;
  capacity?: number | null;
  thresholds?: Thresholds | null;
  version?: number;
}

export interface Location {
  lat: number;
  lon: number;
}

export interface Place {
  id: string;
  name: string;
  timezone: string;
  location: Location | null;
  address: string | null;
  status: "open" | "closed";
  enrolment: "open" | "closed";
  version: number;
  thresholds: Thresholds;
  occupancy: Occupancy;
  level: Level;
  zones: Zone[];
  /** Number of maintenance findings, where the server counts them. */
  findings?: number;
}

export interface Space {
  zone: string;
  number: number;
  label: string | null;
  kind: SpaceKind;
  status: SpaceStatus;
  since: string | null;
  seen_at: string | null;
  /** 0..1 as sensors report it, or a percentage; see `asPercent`. */
  confidence: number | null;
  battery: number | null;
  connectivity: Connectivity;
  closed: boolean;
  x: number | null;
  y: number | null;
  lat: number | null;
  lon: number | null;
}

export interface SpacesAnswer {
  place: string;
  at: string;
  spaces: Space[];
}

export type EventType = "park_start" | "park_end" | "comms_lost" | "comms_restored";

export interface ParkingEvent {
  id: string;
  at: string;
  type: EventType;
  zone: string;
  space: number;
  dwell_seconds: number | null;
}

export interface EventsAnswer {
  events: ParkingEvent[];
  next_cursor: string | null;
}

export interface HistoryPoint {
  at: string;
  occupied: number;
  total: number;
  rate: number;
}

export interface HistoryAnswer {
  place: string;
  zone: string | null;
  step: string;
  from: string;
  to: string;
  points: HistoryPoint[];
}

export interface Alert {
  id: string;
  at: string;
  type: "raised" | "cleared" | "expected";
  zone: string | null;
  level: Level;
  occupancy_rate: number;
  occupied: number;
  total: number;
  threshold: number;
  /** Of an expected alert: when the threshold will probably be reached, and how probable (0 to 1) that is. */
  expected_at?: string | null;
  chance?: number | null;
}

/** What a finding rests on; which fields there are depends on its kind. */
export interface Evidence {
  battery?: number;
  seen_at?: string;
  last_at?: string;
  status?: "free" | "occupied";
  occupied?: number;
  reports?: number;
  never_changed?: boolean;
  neighbours?: number;
  neighbours_changed?: number;
}

export interface Finding {
  kind: "stuck" | "silent" | "low_battery";
  zone: string;
  space: number | null;
  since: string | null;
  evidence: Evidence;
  /** In English; used where the evidence is of a form this page does not know. */
  text: string;
}

/** What can be said of a place, as the register takes it. */
export type PlaceAttributes = Pick<
  Place,
  "name" | "timezone" | "location" | "address" | "enrolment" | "thresholds" | "status"
>;

export type ZoneAttributes = Pick<Zone, "name" | "source" | "status"> & { capacity: number | null };

export type SpaceAttributes = Pick<Space, "label" | "kind" | "x" | "y"> & { sensor_id?: string | null };

interface Counts {
  created: number;
  changed: number;
}

export interface ImportResult {
  rows: number;
  places: Counts;
  zones: Counts;
  spaces: Counts;
}

/** `summary/<place>` and `summary/<place>/<zone>`. */
export interface SummaryMessage {
  place: string;
  zone?: string | null;
  total_places: number;
  occupied: number;
  free: number;
  unknown: number;
  occupancy_rate: number;
  timestamp: string;
}

/** A changed space inside a `live/<place>/<zone>` message. */
export type LiveSpace = Pick<Space, "number" | "status" | "since" | "seen_at" | "confidence" | "battery"> & {
  connectivity: Connectivity;
};

/** `live/<place>/<zone>`: only the spaces that changed, and the zone's summary after the change. */
export interface LiveMessage {
  place: string;
  zone: string;
  version: number;
  at: string;
  spaces: LiveSpace[];
  summary?: SummaryMessage | null;
}

/** `alerts/<place>[/<zone>]`: a CloudEvent. */
export interface AlertMessage {
  id: string;
  type: string;
  time: string;
  data: {
    place: string;
    zone: string | null;
    level: Level;
    previous?: Level;
    occupancy_rate: number;
    occupied: number;
    total: number;
    threshold: number;
    at: string;
    chance?: number;
  };
}

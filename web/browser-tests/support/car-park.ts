/** A car park whose sensors only the tests move: in the demo's, the simulator may change the space that is watched. */
import { randomBytes } from "node:crypto";
import { as } from "./api";

const ZONES = ["Zone_A", "Zone_B", "Zone_C"];
const SPACES_PER_ZONE = 8;

/** Three zones of eight spaces, numbered through, as the field project's; all of them free. Gives its id. */
export async function buildCarPark(): Promise<string> {
  // The mock's simulator stands still, and its sensors reach the default car park only.
  if (!process.env.PARVIS_URL) return "default";
  const id = `park-${randomBytes(4).toString("hex")}`;
  const zones = ZONES.map((zone, at) => ({
    id: zone,
    name: zone.replace("_", " "),
    spaces: Array.from({ length: SPACES_PER_ZONE }, (_, index) => ({ number: at * SPACES_PER_ZONE + index + 1 })),
  }));
  await as("manager", "POST", "/v1/places", { id, name: `Car park ${id}`, timezone: "Europe/Paris", zones });
  return id;
}

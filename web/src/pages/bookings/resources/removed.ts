import type { Catalog } from "../../../lib/bookings/catalog.svelte";
import type { Saver } from "../../admin/saver.svelte";

/** Deletes an entry of the catalogue, and leaves its editor when that went through. */
export async function removed(
  saver: Saver,
  catalog: Catalog,
  remove: () => Promise<unknown>,
  back: () => void,
): Promise<void> {
  if (!(await saver.run(remove, () => ["admin.deleted"]))) return;
  await catalog.load();
  back();
}

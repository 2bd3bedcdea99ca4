import type { Saver } from "../../admin/saver.svelte";

/** Deletes an entry of a list, and leaves its editor when that went through. */
export async function removed(
  saver: Saver,
  list: { load(): Promise<void> },
  remove: () => Promise<unknown>,
  back: () => void,
): Promise<void> {
  if (!(await saver.run(remove, () => ["admin.deleted"]))) return;
  await list.load();
  back();
}

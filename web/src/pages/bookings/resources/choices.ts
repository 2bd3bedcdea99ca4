import type { Catalog } from "../../../lib/bookings/catalog.svelte";
import { tb } from "../../../lib/bookings/texts";
import type { Choices } from "./forms";

/** What the selects of the forms choose from. */
export function choicesOf({ sites, policies, pools }: Catalog): Choices {
  return { sites, policies, pools, kindName: (kind) => tb(`kinds.${kind}`) };
}

import type { Catalog } from "../../../lib/bookings/catalog.svelte";
import { tb } from "../../../lib/bookings/texts";
import type { Plan } from "../../../lib/bookings/types";
import type { Choices } from "./forms";

/** What the selects of the forms choose from. */
export function choicesOf({ sites, policies, pools }: Catalog, plans: Plan[] = []): Choices {
  return { sites, policies, pools, plans, kindName: (kind) => tb(`kinds.${kind}`) };
}

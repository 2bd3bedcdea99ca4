const FIRST_MS = 1_000;
const LIMIT_MS = 30_000;

/**
 * Wait before reconnection attempt `attempt` (0 = first): doubling from 1 s to 30 s, of which a random half is taken off, so that
 * pages which lost the same broker do not come back in the same second.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LIMIT_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.5 + random() / 2));
}

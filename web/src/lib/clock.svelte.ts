/** One ticking second for all ages and clocks on the page. */
import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** The present (epoch ms); read in a template or effect, it is renewed every second. */
export function now(): number {
  subscribe();
  return Date.now();
}

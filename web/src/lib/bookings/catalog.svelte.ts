/** What there is to book: read once, and again after an administrator's change. */
import type { BookingsApi } from "./client";
import type { Policy, Pool, Resource, Site } from "./types";

export class Catalog {
  sites = $state.raw<Site[]>([]);
  resources = $state.raw<Resource[]>([]);
  policies = $state.raw<Policy[]>([]);
  pools = $state.raw<Pool[]>([]);
  loaded = $state(false);
  failed = $state(false);

  #api: BookingsApi;
  #byId = $derived(new Map(this.resources.map((resource) => [resource.id, resource])));

  constructor(api: BookingsApi) {
    this.#api = api;
  }

  async load(): Promise<void> {
    try {
      const [sites, resources, policies, pools] = await Promise.all([
        this.#api.sites(),
        this.#api.resources(),
        this.#api.policies(),
        this.#api.pools(),
      ]);
      this.sites = sites;
      this.resources = resources.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
      this.policies = policies;
      this.pools = pools;
      this.loaded = true;
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }

  resource(id: string): Resource | undefined {
    return this.#byId.get(id);
  }

  /** A resource's name, or its id where it is gone. */
  name(id: string): string {
    return this.#byId.get(id)?.name ?? id;
  }

  site(id: string): Site | undefined {
    return this.sites.find((site) => site.id === id);
  }

  policyOf(resource: string): Policy | undefined {
    const id = this.#byId.get(resource)?.policy;
    return this.policies.find((policy) => policy.id === id);
  }

  of(site: string): Resource[] {
    return this.resources.filter((resource) => resource.site === site);
  }

  /** All features of a site's resources, by name. */
  features(site: string): string[] {
    return [...new Set(this.of(site).flatMap((resource) => resource.features))].sort();
  }
}

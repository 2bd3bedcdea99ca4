/** The zone that was chosen last on this device. */
const KEY = "parvis.zone";

export function rememberedZone(): string | null {
  return localStorage.getItem(KEY);
}

export function rememberZone(zone: string): void {
  localStorage.setItem(KEY, zone);
}

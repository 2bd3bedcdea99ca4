/**
 * The driver's vehicles, kept on the device: Parvis keeps plates only as long as a stay needs them (the API has no list of vehicles, on
 * purpose). Each login has a list of its own.
 */
import type { Vehicle } from "./types";

export interface OwnVehicle extends Vehicle {
  plate: string;
  /** What its owner calls it. */
  name: string;
}

const KEY = "parvis.vehicles";
const MOST = 20;

/** As plates are written on vehicles; French ones with their dashes. */
export function plateText(plate: string): string {
  const plain = plate.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const french = /^([A-Z]{2})(\d{3})([A-Z]{2})$/.exec(plain);
  return french ? french.slice(1).join("-") : plain;
}

/** The server takes 1 to 16 letters and digits. */
export function isPlate(text: string): boolean {
  return /^[A-Z0-9]{2,16}$/.test(text.toUpperCase().replace(/[^A-Z0-9]/g, ""));
}

export class Vehicles {
  /** The one used last comes first. */
  list = $state.raw<OwnVehicle[]>([]);
  #key = KEY;

  /** Takes up the list of the one who is logged in; what was entered before the login comes along. */
  open(owner: string | undefined): void {
    const visitor = `${KEY}.visitor`;
    this.#key = owner ? `${KEY}.${owner}` : visitor;
    this.list = read(this.#key);
    if (!owner) return;
    const before = read(visitor);
    for (const vehicle of before.toReversed()) this.put(vehicle);
    if (before.length > 0) localStorage.removeItem(visitor);
  }

  /** Puts a vehicle first; `instead` is the plate that it had before. */
  put(vehicle: OwnVehicle, instead: string = vehicle.plate): void {
    const others = this.list.filter((one) => one.plate !== instead && one.plate !== vehicle.plate);
    this.#keep([vehicle, ...others].slice(0, MOST));
  }

  remove(plate: string): void {
    this.#keep(this.list.filter((one) => one.plate !== plate));
  }

  /** Forgets all of them on this device. */
  clear(): void {
    this.#keep([]);
  }

  #keep(list: OwnVehicle[]): void {
    this.list = list;
    try {
      if (list.length === 0) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify(list));
    } catch {
      // A browser that keeps nothing (private mode, full): the list lives as long as the page.
    }
  }
}

function read(key: string): OwnVehicle[] {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "[]") as unknown;
    return Array.isArray(kept) ? (kept as OwnVehicle[]).filter((one) => typeof one?.plate === "string") : [];
  } catch {
    return [];
  }
}

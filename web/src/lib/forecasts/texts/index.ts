/** The texts of forecasts, which are loaded with the pages that have some. */
import type { Text } from "../../i18n/en";
import { render, type Language, type Vars } from "../../i18n/translate";
import { prefs } from "../../prefs.svelte";
import { en } from "./en";
import { fr } from "./fr";

export type ForecastKey = keyof typeof en;

export const forecastTexts: Record<Language, Record<ForecastKey, Text>> = { en, fr };

/** The text of `key` in the present language. */
export function tf(key: ForecastKey, vars?: Vars): string {
  return render(prefs.language, forecastTexts[prefs.language][key], vars);
}

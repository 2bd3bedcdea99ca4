import { en, type Key, type Text } from "./en";
import { fr } from "./fr";

export type Language = "fr" | "en";
export type Vars = Record<string, string | number>;

const dictionaries: Record<Language, Record<Key, Text>> = { en, fr };

/** The text of `key`; `vars.n` chooses between singular and plural. */
export function translate(language: Language, key: Key, vars: Vars = {}): string {
  return render(language, dictionaries[language][key], vars);
}

/** A text with its placeholders filled in. */
export function render(language: Language, entry: Text, vars: Vars = {}): string {
  const text = typeof entry === "string" ? entry : entry[pluralForm(language, vars.n)];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(vars[name] ?? whole));
}

function pluralForm(language: Language, n: string | number | undefined): "one" | "other" {
  return new Intl.PluralRules(language).select(Number(n ?? 0)) === "one" ? "one" : "other";
}

/** The first of the browser's languages that there is; French otherwise, the product's home. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    const short = language.slice(0, 2).toLowerCase();
    if (short === "fr" || short === "en") return short;
  }
  return "fr";
}

/** Language and colours: the browser's wish until the user says otherwise, then remembered. */
import type { Key } from "./i18n/en";
import { preferred, translate, type Language, type Vars } from "./i18n/translate";

export type Theme = "light" | "dark";

const LANGUAGE_KEY = "parvis.language";
const THEME_KEY = "parvis.theme";

class Prefs {
  language = $state<Language>(storedLanguage() ?? preferred(navigator.languages));
  theme = $state<Theme>(storedTheme() ?? systemTheme());

  constructor() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => {
      if (!storedTheme()) this.#paint((this.theme = systemTheme()));
    });
    this.#paint(this.theme);
    document.documentElement.lang = this.language;
  }

  setLanguage(language: Language): void {
    this.language = language;
    localStorage.setItem(LANGUAGE_KEY, language);
    document.documentElement.lang = language;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(THEME_KEY, theme);
    this.#paint(theme);
  }

  #paint(theme: Theme): void {
    document.documentElement.dataset.theme = theme;
  }
}

function storedLanguage(): Language | null {
  const value = localStorage.getItem(LANGUAGE_KEY);
  return value === "fr" || value === "en" ? value : null;
}

function storedTheme(): Theme | null {
  const value = localStorage.getItem(THEME_KEY);
  return value === "light" || value === "dark" ? value : null;
}

function systemTheme(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export const prefs = new Prefs();

/** The text of `key` in the present language. */
export function t(key: Key, vars?: Vars): string {
  return translate(prefs.language, key, vars);
}

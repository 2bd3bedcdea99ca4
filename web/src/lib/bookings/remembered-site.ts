/** The site that was looked at last in this browser. */
const KEY = "parvis.site";

export function rememberedSite(): string {
  return localStorage.getItem(KEY) ?? "";
}

export function rememberSite(id: string): void {
  localStorage.setItem(KEY, id);
}

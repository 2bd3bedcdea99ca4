/** Exports as files. The API ends a large one early and links to the rest: a table that lacks its end must not look complete. */
import type { Api } from "./api/client";

export interface ExportFile {
  name: string;
  blob: Blob;
}

/** More parts than any range that a person asks for; beyond it, the server's links lead nowhere. */
const MOST_PARTS = 200;

/** The target of `Link: <...>; rel="next"` (RFC 8288), relative to the answer it came with. */
export function nextLink(header: string | null, base: string): string | null {
  const target = header?.match(/<([^>]*)>\s*;[^,]*\brel="?next"?/)?.[1];
  return target === undefined ? null : new URL(target, base).toString();
}

/**
 * Reads an export to its end. CSV becomes one file (each part repeats the header line); workbooks cannot be joined and are numbered.
 * `progress` is told how many parts have come, when another one follows. Rejects as a whole: nothing is saved of what was cut short.
 */
export async function readExport(
  api: Api,
  url: string,
  kind: "csv" | "xlsx",
  signal: AbortSignal,
  progress: (parts: number) => void,
): Promise<ExportFile[]> {
  const parts: Blob[] = [];
  let name = `export.${kind}`;
  const first = new URL(url, location.href);
  for (let next: string | null = first.toString(); next !== null;) {
    if (parts.length >= MOST_PARTS || new URL(next).origin !== first.origin) throw new Error("the export has no end");
    const response = await api.file(next, signal);
    name =
      (parts.length === 0 && response.headers.get("content-disposition")?.match(/filename="([^"]+)"/)?.[1]) || name;
    const body = await response.blob();
    parts.push(kind === "csv" && parts.length > 0 ? await withoutHeader(body) : body);
    next = nextLink(response.headers.get("link"), next);
    if (next !== null) progress(parts.length);
  }
  if (kind === "csv") return [{ name, blob: new Blob(parts, { type: "text/csv" }) }];
  const stem = name.replace(/\.xlsx$/, "");
  return parts.map((blob, at) => ({ name: parts.length === 1 ? name : `${stem}-${at + 1}.xlsx`, blob }));
}

/** The names of the columns hold no line break, so the first line is the header. */
async function withoutHeader(part: Blob): Promise<Blob> {
  const text = await part.text();
  return new Blob([text.slice(text.indexOf("\n") + 1)]);
}

/** Hands a file to the browser's downloads. */
export function save({ name, blob }: ExportFile): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Some browsers start reading only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

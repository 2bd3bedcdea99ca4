import { describe, expect, it } from "vitest";
import { Api } from "../src/lib/api/client";
import { nextLink, readExport } from "../src/lib/export";

const BASE = "https://api.example";
const URL_OF = (kind: string) => `${BASE}/v1/places/default/export.${kind}?content=events`;
const never = new AbortController().signal;

/** Answers each address with what it stands for; `next` is the cursor of the part that follows. */
function apiOf(parts: { body: string; next?: string }[]): { api: Api; asked: string[] } {
  const asked: string[] = [];
  const fetch = async (input: RequestInfo | URL) => {
    const url = new URL(String(input));
    asked.push(url.toString());
    const part = parts[Number(url.searchParams.get("cursor") ?? 0)]!;
    const kind = url.pathname.split(".").at(-1);
    const headers: Record<string, string> = {
      "content-disposition": `attachment; filename="default-events-2026-03-02.${kind}"`,
    };
    if (part.next) headers.link = `<${url.pathname}?content=events&cursor=${part.next}>; rel="next"`;
    return new Response(part.body, { headers });
  };
  return { api: new Api({ base: BASE, fetch }), asked };
}

describe("an export", () => {
  it("that the server has cut is read to its end, as one table with one header", async () => {
    const { api, asked } = apiOf([
      { body: "at,zone\n1,A\n2,A\n", next: "1" },
      { body: "at,zone\n3,B\n", next: "2" },
      { body: 'at,zone\n4,"B\nC"\n' },
    ]);
    const told: number[] = [];
    const files = await readExport(api, URL_OF("csv"), "csv", never, (parts) => told.push(parts));
    expect(files.map((file) => file.name)).toEqual(["default-events-2026-03-02.csv"]);
    expect(await files[0]!.blob.text()).toBe('at,zone\n1,A\n2,A\n3,B\n4,"B\nC"\n');
    expect(asked).toHaveLength(3);
    expect(told).toEqual([1, 2]);
  });

  it("as workbooks is numbered, and keeps its name when there is only one", async () => {
    const names = async (parts: { body: string; next?: string }[]) =>
      (await readExport(apiOf(parts).api, URL_OF("xlsx"), "xlsx", never, () => undefined)).map((file) => file.name);
    expect(await names([{ body: "PK1" }])).toEqual(["default-events-2026-03-02.xlsx"]);
    expect(await names([{ body: "PK1", next: "1" }, { body: "PK2" }])).toEqual([
      "default-events-2026-03-02-1.xlsx",
      "default-events-2026-03-02-2.xlsx",
    ]);
  });

  it("that fails on the way gives no file, but the server's reason", async () => {
    const { api } = apiOf([{ body: "at\n1\n", next: "1" }]);
    const failing = new Api({
      base: BASE,
      fetch: async (input) =>
        String(input).includes("cursor")
          ? Response.json({ title: "Unavailable", detail: "The database is waking up." }, { status: 503 })
          : await api.file(String(input), never),
    });
    const read = readExport(failing, URL_OF("csv"), "csv", never, () => undefined);
    await expect(read).rejects.toMatchObject({
      status: 503,
      title: "Unavailable",
      detail: "The database is waking up.",
    });
  });

  it("whose links go round, or elsewhere, is refused", async () => {
    const round = apiOf([{ body: "at\n1\n", next: "0" }]).api;
    await expect(readExport(round, URL_OF("csv"), "csv", never, () => undefined)).rejects.toThrow("no end");
    const link = { link: '<https://elsewhere.example/>; rel="next"' };
    const elsewhere = new Api({ base: BASE, fetch: async () => new Response("at\n", { headers: link }) });
    await expect(readExport(elsewhere, URL_OF("csv"), "csv", never, () => undefined)).rejects.toThrow("no end");
  });
});

describe("the link to the next part", () => {
  it.each([
    [null, null],
    ['</a>; rel="prev"', null],
    ['</v1/x?a=1,2&cursor=c>; rel="next"', `${BASE}/v1/x?a=1,2&cursor=c`],
    ['</a>; rel="prev", </b>; rel=next', `${BASE}/b`],
  ])("of %j is %j", (header, expected) => {
    expect(nextLink(header, `${BASE}/v1/places`)).toBe(expected);
  });
});

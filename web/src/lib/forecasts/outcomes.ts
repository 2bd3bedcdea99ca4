/** What was forecast and what came, as a chart draws them. */
import type { BandPoint } from "./bands";
import type { Outcome } from "./types";

export function outcomes(all: Outcome[]): { points: BandPoint[]; values: { at: number; value: number }[] } {
  return {
    points: all.map(({ at, median, band_80 }) => ({
      at: Date.parse(at),
      median,
      low80: band_80.low,
      high80: band_80.high,
      low95: null,
      high95: null,
    })),
    values: all.map(({ at, value }) => ({ at: Date.parse(at), value })),
  };
}

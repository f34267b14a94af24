import type { ServerResponse } from "node:http";
import { MayflyError } from "../core/errors.ts";

/** Bounds on tiles in memory: on each from its read until its reader has the last byte. */
export interface TileLimits {
  readonly maxOpen: number;
  /** Of one client address: no client keeps the log from all others. */
  readonly maxOpenPerClient: number;
  /** The connection of a reader that takes longer is cut, milliseconds. */
  readonly timeMs: number;
}

/**
 * A data tile has half a megabyte, at worst five: without a bound, as many slow readers as there are connections could
 * take the memory that issuing needs. In a minute the largest tile comes over a line of 0.7 Mbit/s.
 */
export const TILE_LIMITS: TileLimits = { maxOpen: 64, maxOpenPerClient: 16, timeMs: 60_000 };

/**
 * Takes a place for a tile that will be sent to a client, until that response is done.
 *
 * @throws MayflyError `rate_limited` or `overloaded`
 */
export type TakeTilePlace = (client: string, response: ServerResponse) => void;

/** Makes the places. */
export function makeTilePlaces({ maxOpen, maxOpenPerClient, timeMs }: TileLimits): TakeTilePlace {
  let open = 0;
  const openOf = new Map<string, number>();
  return (client, response) => {
    const own = openOf.get(client) ?? 0;
    if (own >= maxOpenPerClient) {
      throw new MayflyError("RATE_LIMITED_READS", `one client reads ${own} tiles`, { retryAfterMs: 1_000 });
    }
    if (open >= maxOpen) throw new MayflyError("TOO_MANY_REQUESTS_IN_FLIGHT", `${open} tiles are being read`);
    open++;
    openOf.set(client, own + 1);
    const timer = setTimeout(() => {
      response.destroy();
    }, timeMs);
    response.once("close", () => {
      clearTimeout(timer);
      open--;
      const left = (openOf.get(client) ?? 0) - 1;
      if (left > 0) openOf.set(client, left);
      else openOf.delete(client);
    });
  };
}

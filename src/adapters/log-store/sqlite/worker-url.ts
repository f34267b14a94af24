import { extname } from "node:path";

/**
 * Module of a thread of the log: beside this one, with its extension: `.ts` when types are stripped, `.js` when it was
 * compiled.
 */
export function workerUrl(name: "writer" | "reader"): URL {
  return new URL(`./${name}-worker${extname(import.meta.url)}`, import.meta.url);
}

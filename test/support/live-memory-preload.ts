import { renameSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { heldMegabytes } from "./held-memory.ts";

/*
 * Given to Node.js with --import, this answers SIGWINCH with what the main thread holds. The part behind the question mark names
 * the file that is written: the number of the answer, and megabytes.
 */
const file = new URL(import.meta.url).searchParams.get("file");
if (isMainThread && file !== null) {
  let asked = 0;
  process.on("SIGWINCH", () => {
    // Whoever waits sees all of an answer or nothing.
    writeFileSync(`${file}~`, `${String(++asked)} ${String(heldMegabytes())}`);
    renameSync(`${file}~`, file);
  });
}

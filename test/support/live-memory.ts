import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { MayflyProcess } from "./mayfly-process.ts";

const PRELOAD = new URL("./live-memory-preload.ts", import.meta.url).href;
const LOOK_EVERY_MS = 10;

/** Arguments for the Node.js of a process that can be asked by {@link askLiveMemory}. */
export const liveMemoryArguments = (file: string): readonly string[] => [
  "--import",
  `${PRELOAD}?file=${encodeURIComponent(file)}`,
];

/**
 * What the main thread of a process holds when all is collected that can be, in megabytes. Resident memory says less: V8 keeps room
 * for young objects, in steps of 27 MiB that come and go.
 *
 * @param file the one that the process was started with
 */
export async function askLiveMemory(mayfly: MayflyProcess, file: string): Promise<number> {
  const read = (): readonly number[] => (existsSync(file) ? readFileSync(file, "utf8").split(" ").map(Number) : [0]);
  const [asked = 0] = read();
  mayfly.signal("SIGWINCH");
  for (;;) {
    const [answered = 0, megabytes = Number.NaN] = read();
    if (answered > asked) return megabytes;
    await setTimeout(LOOK_EVERY_MS);
  }
}

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Megabytes that this process holds, and cannot give back, on V8's heap and in buffers. */
export function heldMegabytes(): number {
  // What the first collection finds unreachable may hold buffers that only the second one frees.
  for (let times = 0; times < 2; times++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

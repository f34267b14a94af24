import { parentPort } from "node:worker_threads";
import { serveCalls } from "../../src/adapters/log-store/sqlite/calls.ts";

/* A worker thread that can be made to end in the middle of a call. */

if (parentPort === null) throw new TypeError("this module runs in a worker thread");
serveCalls(
  parentPort,
  { double: (value: number) => value * 2, crash: () => process.exit(1) },
  { otherReason: "LOG_WRITE_FAILED", onClose: () => undefined },
);

import { parentPort } from "node:worker_threads";
import { serveCalls } from "./calls.ts";
import { makeReaderThread } from "./reader-calls.ts";

/* Entry of the thread that reads the log: no read waits behind the writer, no request behind a read. */

if (parentPort === null) throw new TypeError("this module runs in a worker thread");
const { calls, close } = makeReaderThread();
serveCalls(parentPort, calls, { otherReason: "LOG_READ_FAILED", onClose: close });

import { parentPort } from "node:worker_threads";
import { serveCalls } from "./calls.ts";
import { makeWriterThread } from "./writer-calls.ts";

/* Entry of the thread that writes the log: no request ever waits behind its fsync. */

if (parentPort === null) throw new TypeError("this module runs in a worker thread");
const { calls, afterReply, close } = makeWriterThread();
serveCalls(parentPort, calls, { otherReason: "LOG_WRITE_FAILED", afterReply, onClose: close });

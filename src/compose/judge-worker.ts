import { parentPort, workerData } from "node:worker_threads";
import { makeJudgeEntries, type LogKind } from "../ctlog/judge-entries.ts";
import type { JudgeReply, JudgeRequest } from "./judge-pool.ts";

/* Entry of a thread that judges entries: signatures are verified on every core. */

if (parentPort === null) throw new TypeError("this module runs in a worker thread");
const port = parentPort;
// The thread that starts this one compiled against the same type of what it hands over.
const judge = makeJudgeEntries(workerData as LogKind);
port.on("message", ({ id, part, certificates }: JudgeRequest) => {
  const verdict = judge(part, certificates);
  const { leafHashes, timesMs, submissionKeys } = verdict;
  const reply: JudgeReply = { id, verdict };
  port.postMessage(reply, [leafHashes.buffer, timesMs.buffer, submissionKeys.buffer]);
});

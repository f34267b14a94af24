import { LogWriter as Writer, type AppendResult } from "../../../../src/adapters/log-store/sqlite/log-writer.ts";

export * from "../../../../src/adapters/log-store/sqlite/log-writer.ts";

/** How far the transactions are behind the answers. */
const BEHIND_MS = 1_000;

/** A writer that says that it wrote before it did: each transaction runs in its turn, but later. */
export class LogWriter extends Writer {
  override append(batch: Parameters<Writer["append"]>[0]): AppendResult {
    setTimeout(() => super.append(batch), BEHIND_MS);
    return { kind: "committed" };
  }

  override publish(checkpoint: Parameters<Writer["publish"]>[0]): ReturnType<Writer["publish"]> {
    setTimeout(() => super.publish(checkpoint), BEHIND_MS);
    return "published";
  }
}

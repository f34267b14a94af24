import { fork } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import { pinned } from "./cores.ts";

/** Callers in a process of their own. */
export interface LoadProcess {
  /** Starts the callers. */
  readonly go: () => void;
  /** The next message of the process; rejects when it ends instead. */
  readonly nextMessage: () => Promise<unknown>;
}

/**
 * Starts a load process, which ends with this one, and resolves when it has prepared what it is ordered to.
 *
 * @param script file beside this one
 * @param core the one it may use; any when left out
 */
export async function startLoad(script: string, order: object, core?: number): Promise<LoadProcess> {
  const [execPath, ...execArgv] = pinned(core, process.execPath);
  const load = fork(fileURLToPath(new URL(script, import.meta.url)), { serialization: "advanced", execPath, execArgv });
  const messages = on(load, "message", { close: ["disconnect"] });
  const nextMessage = async (): Promise<unknown> => {
    const next = (await messages.next()) as IteratorResult<readonly unknown[], undefined>;
    if (next.value === undefined) throw new Error("the load process ended early");
    return next.value[0];
  };
  const kill = (): void => {
    load.kill();
  };
  process.once("exit", kill);
  load.once("exit", () => process.off("exit", kill));
  load.send(order);
  await nextMessage();
  return { go: () => load.send("go"), nextMessage };
}

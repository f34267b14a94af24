import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Two cores of one machine, by number. */
export interface TwoCores {
  readonly server: number;
  readonly callers: number;
}

/**
 * The first two cores that this process may use.
 *
 * @returns a sentence that says why there are no two, or no way to give them to processes
 */
export function findTwoCores(): TwoCores | string {
  if (process.platform !== "linux") return "only Linux tells which cores a process may use";
  if (spawnSync("taskset", ["--version"]).status !== 0) return "there is no taskset (util-linux)";
  const list = /^Cpus_allowed_list:\s+(\S+)$/mu.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const [server, callers] = parseCoreList(list);
  if (server === undefined || callers === undefined) return "this process may use one core only";
  return { server, callers };
}

/** Numbers of the cores in a list such as `0-2,8` (proc_pid_status(5)). */
export function parseCoreList(list: string): readonly number[] {
  return list.split(",").flatMap((range) => {
    const [first = NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

/** A command that runs `program` on one core; on any when none is given. The process it becomes is the program itself. */
export function pinned(core: number | undefined, program: string): [string, ...string[]] {
  return core === undefined ? [program] : ["taskset", "-c", String(core), program];
}

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** CPU time and memory of another process, as Linux counts them for all of its threads. */
export interface ProcessUsage {
  /** User and system time since the process began, milliseconds; advances in steps of a clock tick, usually 10 ms. */
  readonly cpuMs: number;
  /** The most memory that was resident since the process began or {@link forgetPeakMemory} was called, MiB. */
  readonly peakRssMiB: number;
}

let tickMs: number | undefined;

/**
 * Reads a process's usage from /proc.
 *
 * @returns undefined where there is no /proc to read it from
 */
export function readProcessUsage(pid: number): ProcessUsage | undefined {
  if (process.platform !== "linux") return undefined;
  tickMs ??= 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  // proc_pid_stat(5): the name in parentheses may hold anything, so count from its end: state is field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [fields[14 - 3], fields[15 - 3]].map(Number);
  const peakKiB = Number(/^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
  if (userTicks === undefined || systemTicks === undefined || !Number.isFinite(userTicks + systemTicks + peakKiB)) {
    throw new Error(`/proc/${String(pid)} is not in the form of proc_pid_stat(5)`);
  }
  return { cpuMs: (userTicks + systemTicks) * tickMs, peakRssMiB: peakKiB / 1024 };
}

/** Lets the peak of a process's memory count anew from now, where the system can (proc_pid_clear_refs(5)). */
export function forgetPeakMemory(pid: number): void {
  if (process.platform === "linux") writeFileSync(`/proc/${String(pid)}/clear_refs`, "5");
}

/**
 * Bytes that a process caused to be written to disks, as of now (proc_pid_io(5)).
 *
 * @returns undefined where there is no /proc to read it from
 */
export function readWrittenBytes(pid: number): number | undefined {
  return readIo(pid, "write_bytes");
}

/**
 * Bytes that a process caused to be read from disks, as of now: what lay in the page cache is not among them (proc_pid_io(5)).
 *
 * @returns undefined where there is no /proc to read it from
 */
export function readReadBytes(pid: number): number | undefined {
  return readIo(pid, "read_bytes");
}

function readIo(pid: number, name: "read_bytes" | "write_bytes"): number | undefined {
  if (process.platform !== "linux") return undefined;
  const bytes = new RegExp(`^${name}: (\\d+)$`, "mu").exec(readFileSync(`/proc/${String(pid)}/io`, "utf8"))?.[1];
  if (bytes === undefined) throw new Error(`/proc/${String(pid)}/io is not in the form of proc_pid_io(5)`);
  return Number(bytes);
}

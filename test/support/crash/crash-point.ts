import process from "node:process";

/** The moments of `mayfly log init` at which it can be made to end, in their order. */
export const POINTS_OF_A_CREATION = [
  "after-log-file",
  "before-log-commit",
  "after-log-commit",
  "before-log-name",
  "after-log-name",
] as const;

/** The moments of `mayfly serve` at which it can be made to end, in the order of one request. */
export const POINTS_OF_A_SERVICE = [
  "before-intent",
  "half-intent",
  "before-rows",
  "among-rows",
  "after-rows",
  "in-self-check",
  "before-commit",
  "after-commit",
  "before-sign",
  "after-sign",
  "before-publish",
  "before-publish-commit",
  "after-publish",
  "before-release",
  "before-outcome",
  "half-outcome",
  "after-outcome",
  "before-answer",
  "half-head-mark",
  "before-head-mark-rename",
  "after-head-mark-rename",
] as const;

/** Every point at which a process can be made to end. */
export const CRASH_POINTS = [...POINTS_OF_A_CREATION, ...POINTS_OF_A_SERVICE] as const;

/** One of {@link CRASH_POINTS}. */
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Where a process is to end: when the point is reached for the `hit`-th time in its thread. */
export interface CrashPlan {
  readonly point: CrashPoint;
  /** Counted from 1. */
  readonly hit: number;
}

let plan: CrashPlan | undefined;
let hits = 0;

/** Called once per thread, before any module of Mayfly is loaded. */
export function setCrashPlan(given: CrashPlan): void {
  plan = given;
}

/** Whether this is the moment. Each question about the planned point counts as a hit. */
export function isCrashDue(point: CrashPoint): boolean {
  if (plan?.point !== point) return false;
  hits += 1;
  return hits === plan.hit;
}

/** Ends the process as `kill -9` does: nothing is flushed, closed or unwound. */
export function crash(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Ends the process if this is the moment. */
export function crashAt(point: CrashPoint): void {
  if (isCrashDue(point)) crash();
}

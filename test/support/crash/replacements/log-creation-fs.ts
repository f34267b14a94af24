import { linkSync as link, openSync as open } from "node:fs";
import { crashAt } from "../crash-point.ts";

export * from "node:fs";

/** Ends the process when the file of a new log is there, and nothing in it. */
export function openSync(path: string, flags: string, mode?: number): number {
  const descriptor = open(path, flags, mode);
  if (flags === "wx") crashAt("after-log-file");
  return descriptor;
}

/** Ends the process before a new log has its name, or while it has two. */
export function linkSync(from: string, to: string): void {
  crashAt("before-log-name");
  link(from, to);
  crashAt("after-log-name");
}

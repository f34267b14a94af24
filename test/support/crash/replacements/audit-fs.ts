import { writeSync as write } from "node:fs";
import { crash, crashAt, isCrashDue } from "../crash-point.ts";

export * from "node:fs";

/** Ends the process around the line of an intent or an outcome, or in the middle of it. */
export function writeSync(fd: number, bytes: Uint8Array, offset: number): number {
  const text = Buffer.from(bytes).toString();
  const kind = text.includes('"kind":"outcome"') ? "outcome" : text.includes('"kind":"intent"') ? "intent" : undefined;
  if (kind !== undefined) {
    crashAt(`before-${kind}`);
    if (isCrashDue(`half-${kind}`)) {
      write(fd, bytes, offset, Math.floor(bytes.length / 2));
      crash();
    }
  }
  const written = write(fd, bytes, offset);
  if (kind === "outcome") crashAt("after-outcome");
  return written;
}

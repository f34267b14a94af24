import type { CommandContext } from "./context.ts";

/** How long work is told about on standard error. */
export interface Progress {
  /** Shows a line, if it is time for one again. */
  show(line: string): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

/** On a terminal the one line is drawn over so often. */
const TERMINAL_MS = 250;
/** Into a file or a pipe goes a line so often. */
const PLAIN_MS = 10_000;
/** ECMA-48: to the first column, and erase what stands behind it. */
const CLEAR_LINE = "\r\u001b[K";

/** @param nowMs a clock that never goes back, milliseconds */
export function makeProgress(
  { stderr, stderrIsTerminal = false }: Pick<CommandContext, "stderr" | "stderrIsTerminal">,
  nowMs: () => number = () => performance.now(),
): Progress {
  const intervalMs = stderrIsTerminal ? TERMINAL_MS : PLAIN_MS;
  // Quick work is over before anything is shown.
  let dueMs = nowMs() + intervalMs;
  let isShown = false;
  return {
    show: (line) => {
      if (nowMs() < dueMs) return;
      dueMs = nowMs() + intervalMs;
      isShown = true;
      stderr(stderrIsTerminal ? `${CLEAR_LINE}${line}` : `${line}\n`);
    },
    end: () => {
      if (isShown && stderrIsTerminal) stderr(CLEAR_LINE);
    },
  };
}

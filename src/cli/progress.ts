import type { CommandContext } from "./context.ts";

/** Tells on standard error how far work that takes long has come. */
export interface Progress {
  /** Shows a line, if it is time for one again. */
  show(line: string): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

/** Time from one line to the next on a terminal, where each is drawn over the one before. */
const TERMINAL_MS = 250;
/** The same for a file or a pipe, which keeps every line. */
const PLAIN_MS = 10_000;
/** ECMA-48: to the first column, and erase what stands behind it. */
const CLEAR_LINE = "\r\u001b[K";

/**
 * Makes what a command shows its progress with.
 *
 * @param nowMs a clock that never goes back, milliseconds
 */
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

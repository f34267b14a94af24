/** A call that will be made. */
export interface Timer {
  stop(): void;
}

/** Makes a call after a time, milliseconds, once. */
export type StartTimer = (call: () => void, afterMs: number) => Timer;

/** A timer that somebody waits for: it keeps the process alive. */
export const startTimer: StartTimer = (call, afterMs) => stopOf(setTimeout(call, afterMs));

/** A timer that nobody waits for. */
export const startBackgroundTimer: StartTimer = (call, afterMs) => stopOf(setTimeout(call, afterMs).unref());

function stopOf(timer: NodeJS.Timeout): Timer {
  return {
    stop: () => {
      clearTimeout(timer);
    },
  };
}

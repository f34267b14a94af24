/** A call that will be made. */
export interface Timer {
  stop(): void;
}

/** Makes a call after a time, milliseconds, once. */
export type StartTimer = (call: () => void, afterMs: number) => Timer;

/** A timer that does not keep the process alive. */
export const startTimer: StartTimer = (call, afterMs) => {
  const timer = setTimeout(call, afterMs).unref();
  return {
    stop: () => {
      clearTimeout(timer);
    },
  };
};

/** Fires once after a time without {@link IdleTimer.refresh}, and again after each refresh that follows. */
export interface IdleTimer {
  /** @param idleMs the time without a refresh from now on, milliseconds */
  refresh(idleMs: number): void;
  stop(): void;
}

/** Starts an idle timer; `idleMs` is the time without a refresh, milliseconds. */
export type StartIdleTimer = (onIdle: () => void, idleMs: number) => IdleTimer;

/** An idle timer that does not keep the process alive. */
export const startIdleTimer: StartIdleTimer = (onIdle, idleMs) => {
  let timer: NodeJS.Timeout | undefined = setTimeout(onIdle, idleMs).unref();
  let currentMs = idleMs;
  return {
    refresh: (nextMs) => {
      if (timer === undefined) return;
      // The usual case, once for each batch: no new timer.
      if (nextMs === currentMs) {
        timer.refresh();
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(onIdle, nextMs).unref();
      currentMs = nextMs;
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
};

/** Fires once after a time without {@link IdleTimer.refresh}, and again after each refresh that follows. */
export interface IdleTimer {
  refresh(): void;
  stop(): void;
}

/** Starts an idle timer; `idleMs` is the time without a refresh, milliseconds. */
export type StartIdleTimer = (onIdle: () => void, idleMs: number) => IdleTimer;

/** An idle timer that does not keep the process alive. */
export const startIdleTimer: StartIdleTimer = (onIdle, idleMs) => {
  let timer: NodeJS.Timeout | undefined = setTimeout(onIdle, idleMs).unref();
  return {
    refresh: () => void timer?.refresh(),
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
};

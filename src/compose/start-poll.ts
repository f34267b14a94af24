/** A look at something outside the process that is taken again and again. */
export interface Poll {
  /** Takes a look now; one that is under way is waited for instead. */
  look(): Promise<void>;
  close(): void;
}

/**
 * Takes a look every `everyMs`, for the first time after so long, without keeping the process alive. Never two at a time:
 * what hangs is asked once, not again and again.
 *
 * @param look must not reject
 */
export function startPoll(look: () => Promise<void>, everyMs: number): Poll {
  let looking: Promise<void> | undefined;
  const lookOnce = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const timer = setInterval(() => void lookOnce(), everyMs).unref();
  return {
    look: lookOnce,
    close: () => {
      clearInterval(timer);
    },
  };
}

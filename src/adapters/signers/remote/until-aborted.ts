/** What the work gives, or the signal's reason as soon as it is aborted: parts of an SDK heed no signal. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    reject(signal.reason);
  };
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, cut]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

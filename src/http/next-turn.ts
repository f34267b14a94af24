let turn: Promise<void> | undefined;

/**
 * Resolves in the next turn of the event loop, for everybody who asked during this one at the same moment. Whatever they
 * do next, each `await` lets the others catch up, so requests that arrived together go through issuance step by step side
 * by side, and the code and data of one step are still in the processor's caches for the next request. Measured with 16
 * callers: 0.54 instead of 0.78 ms of CPU a certificate (docs/adr/0005-verify-tokens-at-once.md).
 */
export function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

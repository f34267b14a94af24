let turn: Promise<void> | undefined;

/**
 * Resolves in the next turn of the event loop. All who ask during one turn get the same promise, so they go on together,
 * and each `await` that follows lets the others catch up. Requests that arrived together thus go through issuance side by
 * side, one step for all before the next: the code and data of a step are still in the processor's caches for the next
 * request. Measured with 16 callers: 0.54 instead of 0.78 ms of CPU a certificate
 * (docs/adr/0005-verify-tokens-at-once.md).
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

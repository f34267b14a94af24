/** Tells the process that started this one something; resolves when it is on its way. */
export type Tell = (message: unknown) => Promise<void>;

/** Does whatever is done before any clock starts; returns what is done then, whose result is told. */
type Prepare<Order> = (order: Order) => (tell: Tell) => Promise<unknown>;

/**
 * The callers' side of a load process: takes one order, says `"ready"` when all that it needs is prepared, waits for
 * `"go"`, tells the result, and lets the process end.
 */
export function takeOrder<Order>(prepare: Prepare<Order>): void {
  process.once("message", (order: Order) => {
    const run = prepare(order);
    process.once("message", () => {
      void run(tell)
        .then(tell)
        .then(() => {
          process.disconnect();
        });
    });
    void tell("ready");
  });
}

/** What was not written yet when a channel is disconnected is lost. */
function tell(message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) throw new Error("callers are started by a benchmark");
    process.send(message, undefined, undefined, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

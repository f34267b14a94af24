/** Resources that are closed at the same time, where none needs another: closing takes as long as the slowest. */
export class ClosedTogether implements AsyncDisposable {
  readonly #closes: (() => PromiseLike<void> | void)[] = [];

  /** Adds what is to be done at the end. */
  defer(close: () => PromiseLike<void> | void): void {
    this.#closes.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#closes.map(async (close) => {
        await close();
      }),
    );
  }
}

/**
 * Does several things at once and gives their results in order. When the caller stops, or one of them fails, what is
 * under way is waited for and no more is begun.
 *
 * @param works each begun when its turn comes
 * @param ahead how many are begun before the first result is waited for, at least 1
 */
export async function* inOrder<T>(works: Iterable<() => Promise<T>>, ahead: number): AsyncGenerator<T, void, void> {
  const running: Promise<T>[] = [];
  try {
    for (const work of works) {
      const result = work();
      // Its failure counts when its turn comes; until then nobody else may take it for one that nobody handles.
      result.catch(() => undefined);
      running.push(result);
      const first = running.length > ahead ? running.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) yield await first;
  } finally {
    await Promise.allSettled(running);
  }
}

/** One look at a condition: what is wrong with it, or undefined when nothing is. */
export type Sample = string | undefined;

/** What the judgement of the next sample depends on. */
export interface ConditionHistory {
  /** What is wrong with the condition, as judged; undefined while it counts as good. */
  readonly problem: string | undefined;
  /** Counted samples in a row that contradict that. */
  readonly against: number;
  /** When the last sample was counted, milliseconds on a clock that never steps. */
  readonly countedMs: number;
}

/** A sample that comes sooner after a counted one is not counted. */
export const SAMPLE_INTERVAL_MS = 5_000;

/** So many bad samples in a row make a good condition bad, and so many good ones a bad condition good. */
const SAMPLES = { bad: 3, good: 2 };

/** The history of a condition that was looked at once, at start: there is nothing yet that it could flap against. */
export function startConditionHistory(sample: Sample, nowMs: number): ConditionHistory {
  return { problem: sample, against: 0, countedMs: nowMs };
}

/**
 * Judges a condition that may come and go: it turns bad with the third bad sample in a row and good with the second good
 * one, samples 5 s apart. So what is over within 10 s changes nothing, and a condition that is bad half of the time does not
 * send callers away and back with each sample.
 *
 * @param nowMs when the sample was taken, milliseconds on a clock that never steps
 */
export function judgeSample(history: ConditionHistory, sample: Sample, nowMs: number): ConditionHistory {
  if (nowMs - history.countedMs < SAMPLE_INTERVAL_MS) return history;
  const [wasBad, isBad] = [history.problem !== undefined, sample !== undefined];
  const against = wasBad === isBad ? 0 : history.against + 1;
  const isSettled = against === 0 || against === (isBad ? SAMPLES.bad : SAMPLES.good);
  return isSettled
    ? { problem: sample, against: 0, countedMs: nowMs }
    : { problem: history.problem, against, countedMs: nowMs };
}

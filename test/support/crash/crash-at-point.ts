import type { CrashPlan, CrashPoint } from "./crash-point.ts";
import { requireKilled } from "./kill-at-random.ts";
import type { CrashLab } from "./lab.ts";

/** Where the third of three requests, which come one after the other, meets its end; and what is left of it. */
export interface PointCase {
  readonly point: CrashPoint;
  /** How often the point is reached until then: a start signs and publishes once itself. */
  readonly hit: number;
  /** Whether the third entry is in the log afterwards. */
  readonly isLogged: boolean;
  /** Whether a published checkpoint covers it. */
  readonly isPublished: boolean;
  /** Whether a line of the audit trail is left cut off. */
  readonly isTorn?: true;
  /** One of the sample that every run of the tests goes through; the long suite goes through all. */
  readonly isSample?: true;
}

const notLogged = { isLogged: false, isPublished: false } as const;
const notPublished = { isLogged: true, isPublished: false } as const;
const published = { isLogged: true, isPublished: true } as const;

/** In the order of a request. */
export const POINTS_OF_A_REQUEST: readonly PointCase[] = [
  { point: "before-intent", hit: 3, ...notLogged },
  { point: "half-intent", hit: 3, ...notLogged, isTorn: true, isSample: true },
  { point: "before-rows", hit: 3, ...notLogged },
  { point: "among-rows", hit: 3, ...notLogged },
  { point: "after-rows", hit: 3, ...notLogged, isSample: true },
  { point: "in-self-check", hit: 3, ...notLogged },
  { point: "before-commit", hit: 3, ...notLogged },
  { point: "after-commit", hit: 3, ...notPublished, isSample: true },
  { point: "before-sign", hit: 4, ...notPublished },
  { point: "after-sign", hit: 4, ...notPublished },
  { point: "before-publish", hit: 4, ...notPublished },
  { point: "before-publish-commit", hit: 4, ...notPublished },
  { point: "after-publish", hit: 4, ...published },
  { point: "before-release", hit: 4, ...published, isSample: true },
  { point: "before-outcome", hit: 3, ...published },
  { point: "half-outcome", hit: 3, ...published, isTorn: true, isSample: true },
  { point: "after-outcome", hit: 3, ...published },
  { point: "before-answer", hit: 3, ...published, isSample: true },
];

/** While a start or the first batches advance the head mark, which happens once a second at most. */
export const POINTS_OF_THE_HEAD_MARK = [
  "half-head-mark",
  "before-head-mark-rename",
  "after-head-mark-rename",
] as const satisfies readonly CrashPoint[];

/** What a crash left, as far as it was asked about; equal to the case that was run. */
export interface Remains {
  readonly answered: number;
  readonly broken: readonly string[];
  readonly isLogged: boolean;
  readonly isPublished: boolean;
  readonly isTorn: boolean;
}

/** Lets one caller ask until the process ends at the point, and looks at what is left. */
export async function crashAtPoint(lab: CrashLab, { point, hit }: PointCase): Promise<Remains> {
  const before = lab.lastVerdict ?? (await lab.judge());
  const run = lab.start({ point, hit });
  const answered = await lab.load(run, 1);
  await requireKilled(run);
  const { broken, report } = await lab.judge();
  const grown = report.head.size - before.report.head.size;
  return {
    answered,
    broken,
    isLogged: grown > answered,
    isPublished: grown > answered && report.published?.size === report.head.size,
    isTorn: (report.audit?.tornLines ?? 0) > (before.report.audit?.tornLines ?? 0),
  };
}

/** Lets several callers ask at the same time until the process ends at the point. */
export async function crashUnderLoad(lab: CrashLab, plan: CrashPlan): Promise<Pick<Remains, "answered" | "broken">> {
  const run = lab.start(plan);
  const answered = await lab.load(run, 8);
  await requireKilled(run);
  return { answered, broken: (await lab.judge()).broken };
}

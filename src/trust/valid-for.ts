/** When something is trusted, milliseconds since the Unix epoch; both ends belong to it. Open where there is no end. */
export interface ValidFor {
  readonly startMs: number;
  readonly endMs?: number | undefined;
}

/** JSON form of `dev.sigstore.common.v1.TimeRange` (Sigstore protobuf-specs). */
export interface TimeRangeJson {
  readonly start: string;
  readonly end?: string;
}

/** Whole seconds, which every reader takes; both ends are moved outward, so that nothing that was in falls out. */
export function encodeValidFor({ startMs, endMs }: ValidFor): TimeRangeJson {
  const start = timeOf(Math.floor(startMs / 1000));
  return endMs === undefined ? { start } : { start, end: timeOf(Math.ceil(endMs / 1000)) };
}

/** RFC 3339, without a fraction. */
function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

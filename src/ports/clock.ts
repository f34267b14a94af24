/** The two clocks of a process. One instance serves CA and log, so that their times can be compared. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** A clock that never steps, milliseconds since an arbitrary point. */
  monotonic(): number;
}

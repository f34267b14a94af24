/** The two clocks of a process. One instance serves CA and log, so that their times can be compared. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** A clock that never steps, milliseconds since an arbitrary point; it may stand still while the machine sleeps. */
  monotonic(): number;
}

/** A clock that can also tell how long the machine slept. */
export interface SteadyClock extends Clock {
  /** Never steps and goes on while the machine sleeps; milliseconds since it was started, in steps of 10 or so. */
  sinceBoot(): number;
}

import type { ServerResponse } from "node:http";
import { callerGone, tooLate, withDeadline as withPatience } from "../entrance/request-deadline.ts";
import type { Abortable } from "../entrance/request-deadline.ts";

/**
 * Does work for the caller of a response, until its connection closes (CALLER_GONE) or the deadline comes.
 *
 * @param deadlineMs from now, milliseconds
 * @throws MayflyError `overloaded` (DEADLINE_EXCEEDED), or whatever `work` throws
 */
export function withDeadline<T>(response: ServerResponse, deadlineMs: number, work: Abortable<T>): Promise<T> {
  return withPatience(
    {
      deadlineMs,
      late: () => tooLate(deadlineMs),
      onGone: (leave) => {
        const onClose = (): void => {
          if (!response.writableFinished) leave(callerGone());
        };
        response.once("close", onClose);
        if (response.destroyed) onClose();
      },
    },
    work,
  );
}

import type { ServerResponse } from "node:http";
import { MayflyError } from "../core/errors.ts";

/** A signal that is aborted (CALLER_GONE) when the connection closes before the whole answer was handed to it. */
export function signalWhenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (response.writableFinished) return;
    gone.abort(new MayflyError("CALLER_GONE", "the connection was closed before the answer"));
  });
  return gone.signal;
}

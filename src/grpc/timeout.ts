import type { IncomingHttpHeaders } from "node:http2";
import { MayflyError } from "../core/errors.ts";

/** A whole number of at most eight digits, and its unit (gRPC over HTTP/2). */
const TIMEOUT = /^(?<count>[0-9]{1,8})(?<unit>[HMSmun])$/u;
/** Of others no count is as long as {@link GREATEST_MS}. */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };
/** grpc-js counts in 32 bits: a timeout of 25 days is over in it before it began. */
const GREATEST_MS = 2 ** 31 - 1;

/**
 * Takes a timeout out of a call's header that is longer than grpc-js can count, and than anybody works for a call.
 *
 * @throws MayflyError `malformed_request` (HTTP_MALFORMED) for what is no timeout
 */
export function boundTimeout(headers: IncomingHttpHeaders): void {
  const text = headers["grpc-timeout"];
  if (text === undefined) return;
  const groups = TIMEOUT.exec(String(text))?.groups;
  if (groups === undefined) throw new MayflyError("HTTP_MALFORMED", "a grpc-timeout that is none");
  if (Number(groups["count"]) * (UNIT_MS[groups["unit"] ?? ""] ?? 0) > GREATEST_MS) delete headers["grpc-timeout"];
}

import { constants } from "node:http2";
import type { ServerHttp2Stream } from "node:http2";
import { MayflyError } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { describeRefusal } from "./refusal.ts";

/** Refuses a call of which no handler heard: an answer that has a status and no message (gRPC over HTTP/2, Trailers-Only). */
export function refuseStream(call: Call, error: unknown): void {
  const refusal =
    error instanceof MayflyError ? error : new MayflyError("UNEXPECTED", "a check failed", { cause: error });
  call.error = refusal;
  const { code, message, details } = describeRefusal(refusal);
  endStream(call.stream, {
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": String(code),
    "grpc-message": encodeURI(message),
    "grpc-status-details-bin": Buffer.from(details).toString("base64"),
    "grpc-accept-encoding": "identity",
    "x-request-id": call.requestId,
  });
}

/** Refuses what is no call of gRPC, as gRPC over HTTP/2 has it. */
export function refuseForeignStream(call: Call): void {
  call.error = new MayflyError("UNSUPPORTED_MEDIA_TYPE", "a content type other than that of gRPC");
  endStream(call.stream, { ":status": 415 });
}

/**
 * The answer is whole, so the caller may stop sending (RFC 9113 §8.1): a stream that is refused keeps nothing. A caller may
 * have reset it by now, which Node tells in two steps: it is closed, and destroyed a little later.
 */
function endStream(stream: ServerHttp2Stream, headers: Readonly<Record<string, string | number>>): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond(headers, { endStream: true });
  stream.close(constants.NGHTTP2_NO_ERROR);
}

import { MayflyError } from "../core/errors.ts";
import type { CallStart, MethodName } from "./call.ts";

/** Fields that may come once, of which Node would take the first. */
const ONCE = ["authorization", "content-type", "grpc-encoding", "grpc-timeout"];

/**
 * What must be right before a call's message is waited for.
 *
 * @param name the method that was asked for; undefined when there is none
 * @throws MayflyError `malformed_request`, `method_not_allowed` or `invalid_token`
 */
export function checkCall({ headers, rawHeaders }: CallStart, name: MethodName | undefined): void {
  if (name === undefined || headers[":method"] !== "POST") {
    throw new MayflyError("METHOD_NOT_ALLOWED", "no such method", { publicMessage: "unknown service or method" });
  }
  for (const field of ONCE) {
    const count = rawHeaders.filter((text, at) => at % 2 === 0 && text === field).length;
    if (count <= 1) continue;
    throw new MayflyError(field === "authorization" ? "TOKEN_MALFORMED" : "HTTP_MALFORMED", `${count} fields ${field}`);
  }
  // What is never taken compressed cannot grow.
  if ((headers["grpc-encoding"] ?? "identity") !== "identity") {
    throw new MayflyError("ENCODING_UNSUPPORTED", "a compressed message", {
      publicMessage: "messages are taken uncompressed only",
    });
  }
}

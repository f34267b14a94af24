import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { sourceInvalid } from "./source-failure.ts";

const inflateGzip: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer> =
  promisify(gunzip);

/** What a gzip file begins with (RFC 1952 §2.3.1). No entry's time does: it would be in the year 73,000,000. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Inflates gzip (RFC 1952), never to more than `maxBytes`.
 *
 * @param location URL or file, for messages
 * @throws MayflyError `log_failed` (SOURCE_INVALID) when it is damaged or inflates to more
 */
export async function inflate(location: string, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await inflateGzip(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const isTooLong = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw sourceInvalid(location, isTooLong ? `inflates to more than ${maxBytes} bytes` : "is damaged gzip", cause);
  }
}

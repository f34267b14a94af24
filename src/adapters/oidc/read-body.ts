import type { IncomingMessage } from "node:http";
import { addAbortSignal } from "node:stream";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { IssuerFailure } from "./issuer-failure.ts";

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const gunzip: Inflate = promisify(zlib.gunzip);
const inflateZlib: Inflate = promisify(zlib.inflate);
const inflateRaw: Inflate = promisify(zlib.inflateRaw);
const inflateBrotli: Inflate = promisify(zlib.brotliDecompress);

/** The compression method of the zlib format, in the low half of its first octet (RFC 1950 §2.2). */
const DEFLATE_METHOD = 8;

/** Some servers send `deflate` without its zlib wrapping (RFC 9110 §8.4.1.2). */
const inflateEither: Inflate = (bytes, options) =>
  ((bytes[0] ?? 0) & 0x0f) === DEFLATE_METHOD ? inflateZlib(bytes, options) : inflateRaw(bytes, options);

/** The content codings that are understood (RFC 9110 §8.4.1): none is asked for, and some servers compress all the same. */
const CODINGS: ReadonlyMap<string, Inflate | undefined> = new Map([
  ["", undefined],
  ["identity", undefined],
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", inflateEither],
  ["br", inflateBrotli],
]);

/**
 * Reads a response's body to its end, inflated. However it comes, it takes little more memory than `maxBytes` twice: that
 * is the limit of what comes, and again of what it inflates to.
 *
 * @throws IssuerFailure, persistent, when it is too long or in a content coding that is not understood; Error when it is
 *   cut short or damaged, or the signal is aborted. The caller destroys the response then.
 */
export async function readBody(
  response: IncomingMessage,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const coding = response.headers["content-encoding"]?.toLowerCase() ?? "";
  if (!CODINGS.has(coding)) {
    throw new IssuerFailure("persistent", "the document is in a content coding that is not understood");
  }
  const bytes = await readBytes(addAbortSignal(signal, response), maxBytes);
  return inflateBounded(bytes, maxBytes, CODINGS.get(coding));
}

/** One buffer for the whole of it, as chunks may be a byte each. */
async function readBytes(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(maxBytes);
  let size = 0;
  for await (const chunk of chunks) {
    if (size + chunk.length > maxBytes) throw tooLong(maxBytes);
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes.slice(0, size);
}

async function inflateBounded(bytes: Uint8Array, maxBytes: number, inflate?: Inflate): Promise<Uint8Array> {
  if (inflate === undefined) return bytes;
  try {
    return await inflate(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLong(maxBytes) : error;
  }
}

const tooLong = (maxBytes: number): IssuerFailure =>
  new IssuerFailure("persistent", `the document is longer than ${maxBytes} bytes`);

/** Thrown when text is not strict PEM. The message holds no input. */
export class PemError extends Error {
  override readonly name = "PemError";
}

/** One encapsulated structure (RFC 7468 §2). */
export interface PemBlock {
  /** For example `PUBLIC KEY`. */
  readonly label: string;
  /** The decoded octets; whether they are DER is for the caller to find out. */
  readonly der: Uint8Array;
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";
const DASHES = "-----";
const MAX_LABEL_LENGTH = 64;

/** RFC 7468 §3: printable words with single spaces or hyphens between them. */
const LABEL = /^[!-,.-~]+(?:[ -][!-,.-~]+)*$/;

/**
 * Reads PEM text (RFC 7468 §3) in time linear in its length: one or more blocks with nothing but white space around
 * them. Lines end in LF or CRLF and may be of any length, so a body on one line is fine; the final line end may be
 * missing. The base64 must be canonical (RFC 4648 §3.5). Text outside blocks, encapsulated headers, blank lines and
 * indentation are refused: what two parsers could read differently is read by none.
 *
 * @throws PemError also when there is no block
 */
export function parsePem(text: string | Uint8Array): readonly PemBlock[] {
  const source = typeof text === "string" ? text : latin1(text);
  const blocks: PemBlock[] = [];
  let at = skipWhiteSpace(source, 0);
  while (at < source.length) {
    const { block, end } = readBlock(source, at);
    blocks.push(block);
    at = skipWhiteSpace(source, end);
  }
  if (blocks.length === 0) throw new PemError("no PEM block");
  return blocks;
}

/**
 * Writes one block: lines of 64 characters ended by LF, no line end after the last line (RFC 7468 §2).
 *
 * @param label words in capitals, as RFC 7468 §4 lists them
 */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64");
  let text = `${BEGIN}${label}${DASHES}\n`;
  for (let at = 0; at < base64.length; at += 64) text += `${base64.slice(at, at + 64)}\n`;
  return `${text}${END}${label}${DASHES}`;
}

/** One character per octet, so that octets beyond ASCII stay visible and are refused as base64. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function skipWhiteSpace(source: string, from: number): number {
  let at = from;
  for (; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code !== 0x0a && code !== 0x0d && code !== 0x20 && code !== 0x09) break;
  }
  return at;
}

/** The block whose first boundary starts at `at`, and where it ends. */
function readBlock(source: string, at: number): { block: PemBlock; end: number } {
  if (!source.startsWith(BEGIN, at)) throw new PemError("text outside a PEM block");
  const labelStart = at + BEGIN.length;
  const label = readLabel(source.slice(labelStart, labelStart + MAX_LABEL_LENGTH + DASHES.length));
  const closing = `${END}${label}${DASHES}`;
  const bodyStart = skipLineEnd(source, labelStart + label.length + DASHES.length);
  const bodyEnd = source.indexOf(closing, bodyStart);
  if (bodyEnd < 0) throw new PemError("PEM block is not closed");
  const end = bodyEnd + closing.length;
  if (end < source.length) skipLineEnd(source, end);
  return { block: { label, der: decodeBody(source.slice(bodyStart, bodyEnd)) }, end };
}

function readLabel(text: string): string {
  const end = text.indexOf(DASHES);
  const label = text.slice(0, Math.max(end, 0));
  if (!LABEL.test(label)) throw new PemError("PEM boundary is malformed");
  return label;
}

/** Position after the LF or CRLF that must stand at `at`. */
function skipLineEnd(source: string, at: number): number {
  if (source.charCodeAt(at) === 0x0a) return at + 1;
  if (source.startsWith("\r\n", at)) return at + 2;
  throw new PemError("PEM boundary is not a line of its own");
}

/** Lines of base64, each ended by LF or CRLF. `Buffer` skips what it does not know, so the result is compared. */
function decodeBody(body: string): Uint8Array {
  const lines = body.includes("\r") ? body.replaceAll("\r\n", "\n") : body;
  if (!lines.endsWith("\n") || lines.startsWith("\n") || lines.includes("\n\n")) {
    throw new PemError("PEM body is empty or has a blank line");
  }
  const base64 = lines.replaceAll("\n", "");
  const der = Buffer.from(base64, "base64");
  if (der.toString("base64") !== base64) throw new PemError("PEM body is not canonical base64");
  return der;
}

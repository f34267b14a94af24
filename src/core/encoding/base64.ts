/**
 * Reads base64 of the standard alphabet with padding (RFC 4648 §4), in its one canonical spelling. Node's own decoder
 * takes white space, the URL alphabet and stray bits as well, so that many texts would name the same bytes.
 *
 * @returns undefined when the text is anything else
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}

/** Base64 of the standard alphabet with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** What an HTTP/2 connection begins with (RFC 9113 §3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** A frame (RFC 9113 §4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** SETTINGS without one (§6.5). */
export const SETTINGS = frame(4, 0, 0);

/** HEADERS with the whole header block, in HPACK's plainest form (RFC 7541 §6.2.2); its message is still to come. */
export function headersFrame(stream: number, fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
  // Fields of HTTP/2's own come first (§8.3).
  const sorted = Object.entries(fields).sort(([one], [other]) => Number(other[0] === ":") - Number(one[0] === ":"));
  const block = sorted.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]);
  return frame(1, 4, stream, Buffer.concat(block));
}

/** RST_STREAM (§6.4). */
export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(3, 0, stream, payload);
}

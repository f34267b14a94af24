import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { formatCheckpoint, parseCheckpoint, type Checkpoint } from "../../../src/core/note/checkpoint.ts";
import { NoteError } from "../../../src/core/note/note-error.ts";
import { parseSignedNote } from "../../../src/core/note/signed-note.ts";
import { readVector, toHex } from "../../support/vectors.ts";

const vector = readVector("valid/checkpoint.json") as { origin: string; size: number; root: string; note: string };
const ROOT = "gmfMNJSIanNSf1TbguAmQSZdtxzLsaEwiH8WRg3N8x0=";

describe("checkpoint", () => {
  it("of the vector is read and written back", () => {
    const { text } = parseSignedNote(vector.note);
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: vector.origin, size: vector.size, extensions: [] });
    expect(toHex(checkpoint.root)).toBe(vector.root);
    expect(formatCheckpoint(checkpoint)).toBe(text);
  });

  it.each([
    ["size 0", `log\n0\n${ROOT}\n`],
    ["the largest size", `log\n9007199254740991\n${ROOT}\n`],
    ["extension lines", `log\n7\n${ROOT}\none\ntwo three\n`],
    ["spaces in its origin", `a log\n7\n${ROOT}\n`],
  ])("with %s is read and written back", (_, text) => {
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
  });

  it.each([
    ["nothing", ""],
    ["no final newline", `log\n7\n${ROOT}`],
    ["no origin", `\n7\n${ROOT}\n`],
    ["no size", `log\n${ROOT}\n`],
    ["no root", "log\n7\n"],
    ["a leading zero", `log\n07\n${ROOT}\n`],
    ["a sign", `log\n+7\n${ROOT}\n`],
    ["a negative size", `log\n-7\n${ROOT}\n`],
    ["a space before the size", `log\n 7\n${ROOT}\n`],
    ["an exponent", `log\n1e3\n${ROOT}\n`],
    ["hexadecimal", `log\n0x7\n${ROOT}\n`],
    ["a fraction", `log\n7.0\n${ROOT}\n`],
    ["digits of another script", `log\n\u0667\n${ROOT}\n`],
    ["a size above 2^53 - 1", `log\n9007199254740992\n${ROOT}\n`],
    ["a size above 2^64", `log\n99999999999999999999\n${ROOT}\n`],
    ["a short root", "log\n7\nAAAA\n"],
    ["a root without padding", `log\n7\n${ROOT.slice(0, -1)}\n`],
    ["a root with stray bits", `log\n7\n${ROOT.replace("x0=", "x1=")}\n`],
    ["a root in hexadecimal", `log\n7\n${"00".repeat(32)}\n`],
    ["a space after the root", `log\n7\n${ROOT} \n`],
    ["an empty extension line", `log\n7\n${ROOT}\n\n`],
    ["an empty line between extension lines", `log\n7\n${ROOT}\none\n\ntwo\n`],
  ])("with %s is refused", (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(NoteError);
  });

  const good: Checkpoint = { origin: "log", size: 7, root: new Uint8Array(32), extensions: [] };
  it.each<[string, Partial<Checkpoint>]>([
    ["no origin", { origin: "" }],
    ["a newline in its origin", { origin: "a\nb" }],
    ["a negative size", { size: -1 }],
    ["an unsafe size", { size: 2 ** 53 }],
    ["half a leaf", { size: 0.5 }],
    ["a short root", { root: new Uint8Array(31) }],
    ["an empty extension line", { extensions: [""] }],
    ["a newline in an extension line", { extensions: ["a\nb"] }],
  ])("is not written with %s", (_, change) => {
    expect(() => formatCheckpoint({ ...good, ...change })).toThrow(RangeError);
  });

  it("is read as it was written", () => {
    const line = fc.string({ minLength: 1 });
    const root = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const checkpoints = fc.record({
      origin: line,
      size: fc.maxSafeNat(),
      root,
      extensions: fc.array(line, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
      }),
      { seed: 20261122 },
    );
  });
});

import fc from "fast-check";
import { tlv } from "../support/caller-keys.ts";

/** What formats and parsers are sensitive to: counts, boundaries, other encodings of the same. */
const OCTETS = [
  0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x0a, 0x0d, 0x20, 0x22, 0x2d, 0x2e, 0x30, 0x31, 0x5c, 0x7b, 0x7d, 0x7f, 0x80,
  0x81, 0x82, 0x84, 0xa0, 0xc0, 0xff,
];
const PIECES = [
  "\r\n",
  "\n\n",
  "\ufeff",
  "\u0000",
  "\\u0000",
  "\\ud800",
  "null",
  "true",
  "-0",
  "1e400",
  "0.1",
  "[",
  "]",
  "{}",
  ",",
  ":",
  '""',
  '"__proto__":1,',
  '"publicKeyRequest":null,',
  '"certificateSigningRequest":"",',
  "=",
  "==",
  "-----",
  "-----BEGIN PUBLIC KEY-----\n",
  "-----END PUBLIC KEY-----",
  "\u2014 a b\n",
  "é",
  "..",
  "/x000",
  ".p/256",
  "%2e",
]
  .map((text) => Buffer.from(text))
  .concat([
    Buffer.from("3080", "hex"),
    Buffer.from("0000", "hex"),
    Buffer.from("30820000", "hex"),
    Buffer.from("0c81", "hex"),
    Buffer.from("ffffff", "hex"),
  ]);

/** One change; numbers are fractions of whatever length there is when it is applied. */
interface Change {
  readonly kind: "bit" | "octet" | "cut" | "repeat" | "insert" | "end" | "splice" | "element";
  readonly at: number;
  readonly size: number;
  readonly octet: number;
  readonly piece: Uint8Array;
  readonly other: Uint8Array;
  readonly how: "delete" | "repeat" | "swap" | "retag" | "empty" | "nest" | "replace";
}

function apply(bytes: Uint8Array, change: Change): Uint8Array {
  const at = Math.floor(change.at * bytes.length);
  const end = Math.min(bytes.length, at + 1 + Math.floor(change.size * change.size * bytes.length));
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (change.kind) {
    case "bit":
    case "octet": {
      const copy = Uint8Array.from(bytes);
      if (at < copy.length) copy[at] = change.kind === "bit" ? copy[at]! ^ (1 << (change.octet % 8)) : change.octet;
      return copy;
    }
    case "cut":
      return Buffer.concat([before, after]);
    case "repeat":
      return Buffer.concat([before, middle, middle, after]);
    case "insert":
      return Buffer.concat([before, change.piece, middle, after]);
    case "end":
      return before;
    case "splice":
      return Buffer.concat([before, change.other.subarray(Math.floor(change.at * change.other.length))]);
    case "element":
      return changeElement(bytes, change);
  }
}

/** A DER element, read leniently: what is not a whole constructed element stays octets. */
interface Node {
  tag: number;
  content: Uint8Array | Node[];
}

function readNodes(bytes: Uint8Array): Node[] | undefined {
  const nodes: Node[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [tag, first] = [bytes[at], bytes[at + 1]];
    if (tag === undefined || first === undefined || first === 0x80 || first > 0x83) return undefined;
    const extra = first < 0x80 ? 0 : first - 0x80;
    const length =
      extra === 0
        ? first
        : Buffer.from(bytes.subarray(at + 2, at + 2 + extra)).reduce((sum, octet) => sum * 256 + octet, 0);
    const start = at + 2 + extra;
    if (start + length > bytes.length) return undefined;
    const content = bytes.subarray(start, start + length);
    nodes.push({ tag, content: (tag & 0x20) === 0 ? content : (readNodes(content) ?? content) });
    at = start + length;
  }
  return nodes;
}

const write = ({ tag, content }: Node): Buffer =>
  Array.isArray(content) ? tlv(tag, ...content.map(write)) : tlv(tag, content);

function listsOf(nodes: Node[]): Node[][] {
  return [nodes, ...nodes.flatMap(({ content }) => (Array.isArray(content) ? listsOf(content) : []))];
}

/** Changes one DER element somewhere in the tree; every length around it is right again. */
function changeElement(bytes: Uint8Array, { at, size, octet, other, how }: Change): Uint8Array {
  const tree = readNodes(bytes);
  if (tree === undefined || tree.length === 0) return bytes;
  const lists = listsOf(tree).filter((list) => list.length > 0);
  const list = lists[Math.floor(at * lists.length)]!;
  const place = Math.floor(size * list.length);
  const node = list[place]!;
  switch (how) {
    case "delete":
      list.splice(place, 1);
      break;
    case "repeat":
      list.splice(place, 0, ...Array.from({ length: 1 + (octet % 40) }, () => node));
      break;
    case "swap":
      list.reverse();
      break;
    case "retag":
      node.tag = octet;
      break;
    case "empty":
      node.content = [];
      break;
    case "nest":
      for (let depth = octet % 48; depth >= 0; depth--)
        node.content = [{ tag: node.tag | 0x20, content: node.content }];
      break;
    case "replace": {
      const others = listsOf(readNodes(other) ?? []).flat();
      const found = others[Math.floor(size * others.length)];
      if (found !== undefined) list[place] = found;
    }
  }
  return Buffer.concat(tree.map(write));
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

/** Inputs some changes away from valid ones; every fiftieth or so is nothing but noise. */
export function mutationsOf(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const seed = fc.constantFrom(...seeds);
  const change: fc.Arbitrary<Change> = fc.record({
    kind: fc.constantFrom<Change["kind"]>(
      "bit",
      "octet",
      "cut",
      "repeat",
      "insert",
      "end",
      "splice",
      "element",
      "element",
      "element",
    ),
    at: fraction,
    size: fraction,
    octet: fc.oneof(fc.constantFrom(...OCTETS), fc.integer({ min: 0, max: 255 })),
    piece: fc.constantFrom(...PIECES),
    other: seed,
    how: fc.constantFrom<Change["how"]>("delete", "repeat", "swap", "retag", "empty", "nest", "replace"),
  });
  const mutated = fc
    .tuple(seed, fc.array(change, { maxLength: 5 }))
    .map(([start, changes]) => changes.reduce(apply, start));
  return fc
    .oneof({ weight: 49, arbitrary: mutated }, fc.uint8Array({ maxLength: 64 }))
    .map((bytes) => Uint8Array.from(bytes.subarray(0, 65_536)));
}

/** Mutations of text whose parts are encoded in base64 or PEM: the parts are changed inside their armour. */
export function armouredMutationsOf(
  seeds: readonly Uint8Array[],
  open: (seed: Uint8Array) => Uint8Array,
  close: (inner: Uint8Array) => Uint8Array,
): fc.Arbitrary<Uint8Array> {
  return fc.oneof(mutationsOf(seeds), { weight: 2, arbitrary: mutationsOf(seeds.map(open)).map(close) });
}

import type { Rows } from "../request.ts";

/** Which row says why answers differ for what has such a name: the first that matches. */
type Naming = readonly (readonly [name: RegExp, rows: Rows])[];

/** What holds it is too large before the key is read. */
const LONG_LINE: Rows = {
  "http-v2": ["body size"],
  "http-v1": ["body size"],
  "grpc-v2": ["size of a message"],
  "grpc-v1": ["size of a message"],
};

const KEY: Naming = [
  [/a line of 1 MB/u, LONG_LINE],
  [
    /^(?:two blocks|a key and a private key|text before the block|text after the block|encapsulated headers)$/u,
    ["PEM"],
  ],
  [
    /^(?:a third element|an RSA key with a third INTEGER|an RSA key with trailing bytes|RSA with NULL twice|EC with a second parameter)$/u,
    ["encoding of a key"],
  ],
  [
    /^(?:modulus zero|DH|GOST .*|3[13] octets|SM2|a key of type (?!dsa|x25519).*|the curve (?!secp224r1).*)$/u,
    ["key of another kind"],
  ],
  [/^a modulus of one factor, twice$/u, ["RSA"]],
  [/^(?:point of small order|y = p)/u, ["Ed25519"]],
];

const CSR: Naming = [
  [/^(?:text in front|two blocks)$/u, ["PEM of a CSR"]],
  [/^16 KiB and one byte$/u, ["field sizes"]],
  [
    /^(?:version [1−]|attributes twice|attributes that are|an empty relative name|a type with two values|an attribute (?:without|with a|of)|a fourth part|a subject whose SET|a constructed string|a padded INTEGER in|an indefinite length in|a signature with unused bits|ECDSA with (?:NULL|an INTEGER)|RSA with (?:an INTEGER|NULL twice))/u,
    ["encoding of a CSR"],
  ],
];

const KEY_IN_CSR: Naming = [
  [/^(?:a key with trailing elements|RSA with NULL twice|EC with a second parameter)$/u, ["encoding of a key"]],
  [/^a modulus of one factor, twice$/u, ["RSA"]],
  [/^(?:the Ed25519 identity|point of small order|y = p)/u, ["Ed25519"]],
  [
    /^(?:RSA without|RSA with an OID|Ed25519 with NULL|explicit|EC with|modulus zero|3[13] octets|SM2|an unsupported curve)/u,
    ["key in a CSR"],
  ],
  [
    /^(?:the curve (?!secp224r1)|P-\d+ with a P-\d+ point|all ones|x = p|infinity as long|.*\bpoint\b)/u,
    ["key in a CSR"],
  ],
];

/** The rows that say why Mayfly and Fulcio differ about a key of this name. */
export const keyRows = (name: string): Rows => rowsFor(KEY, name);

/** The rows that say why they differ about a certification request: one whose key is at fault stands under L4. */
export const csrRows = (row: string, name: string): Rows => rowsFor(row === "L4" ? KEY_IN_CSR : CSR, name);

function rowsFor(naming: Naming, name: string): Rows {
  return naming.find(([pattern]) => pattern.test(name))?.[1] ?? [];
}

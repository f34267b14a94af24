import { fromBER } from "asn1js";
import { createPublicKey } from "node:crypto";
import type fc from "fast-check";
import { CertificationRequest } from "pkijs";
import { parseToken } from "../../src/adapters/oidc/parse-token.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { decodeCtExtensions } from "../../src/core/ct/ct-extensions.ts";
import { decodeMerkleTreeLeaf, encodeMerkleTreeLeaf } from "../../src/core/ct/log-entry.ts";
import { decodeSctList, encodeSctList } from "../../src/core/ct/sct.ts";
import { decodeDataTile, decodeTileLeaf, encodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import { decodeBase64, encodeBase64 } from "../../src/core/encoding/base64.ts";
import { assertCanonicalDer } from "../../src/core/encoding/canonical-der.ts";
import { derChildren, DerError, parseDer, type DerElement } from "../../src/core/encoding/der-reader.ts";
import { JsonError, parseJson, type JsonValue } from "../../src/core/encoding/json-reader.ts";
import { encodePem, parsePem, PemError } from "../../src/core/encoding/pem.ts";
import { PresentationError } from "../../src/core/encoding/tls-presentation.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { parseTilePath, tilePath } from "../../src/core/merkle/tile.ts";
import { formatCheckpoint, parseCheckpoint } from "../../src/core/note/checkpoint.ts";
import { NoteError } from "../../src/core/note/note-error.ts";
import { formatSignedNote, parseSignedNote } from "../../src/core/note/signed-note.ts";
import { checkKey } from "../../src/core/proof/key-policy.ts";
import { parseCertificationRequest } from "../../src/core/proof/csr.ts";
import { parsePublicKey } from "../../src/core/proof/parse-public-key.ts";
import { parseSigningRequest } from "../../src/wire/signing-request.ts";
import { tlv } from "../support/caller-keys.ts";
import { putTogether, takeApart } from "../support/openssl-csr.ts";
import { ISSUER_READERS } from "./issuer-readers.ts";
import { LOG_READERS } from "./log-readers.ts";
import { armouredMutationsOf, mutationsOf } from "./mutate.ts";
import { bytesOf, parsedByOthers, plain, same, sameJson, seeds, text, times, type Reader } from "./reader.ts";
import { SIGNATURE_READERS } from "./signature-readers.ts";
import { structureReader } from "./structure-reader.ts";

function walk(element: DerElement): number {
  if ((element.tag & 0x20) === 0) return 1;
  return derChildren(element).reduce((sum, child) => sum + walk(child), 1);
}

/** asn1js turns strings into text as it reads them, and cannot read or give back what is no text in their alphabet. */
function holdsWideText(element: DerElement): boolean {
  if ((element.tag & 0x20) !== 0) return derChildren(element).some(holdsWideText);
  const isText = element.tag === 0x0c || (element.tag >= 0x12 && element.tag <= 0x1e);
  return isText && (element.tag > 0x1a || element.content.some((octet) => octet > 0x7e || octet < 0x20));
}

const openPem = (label: string) => ({
  open: (pem: Uint8Array): Uint8Array => (pem[0] === 0x2d ? parsePem(pem)[0]!.der : pem),
  close: (der: Uint8Array): Uint8Array => bytesOf(encodePem(label, der)),
});
const armoured = (name: string, label: string): fc.Arbitrary<Uint8Array> => {
  const { open, close } = openPem(label);
  return armouredMutationsOf(seeds(name), open, close);
};

/** Header or payload of a token changed inside its base64url. */
const tokens = (): fc.Arbitrary<Uint8Array> => {
  const parts = seeds("token").map((token) => text(token).split("."));
  const inner = parts.flatMap(([header, payload]) =>
    [header!, payload!].map((part) => new Uint8Array(Buffer.from(part, "base64url"))),
  );
  const signature = parts[0]![2]!;
  const close = (changed: Uint8Array): Uint8Array => {
    const part = Buffer.from(changed).toString("base64url");
    const isHeader = text(changed).includes("alg");
    return bytesOf(isHeader ? `${part}.${parts[0]![1]!}.${signature}` : `${parts[0]![0]!}.${part}.${signature}`);
  };
  return armouredMutationsOf(inner, (part) => part, close);
};

const tlvOfSize = (size: number): Uint8Array[] => {
  const contents = [
    Buffer.alloc(size),
    Buffer.from(times(size, "\x05\x00"), "latin1"),
    Buffer.from(times(size, "\x30\x00"), "latin1"),
    Buffer.from(times(size, "\x02\x01\x01"), "latin1"),
  ];
  return contents.map((content) => tlv(0x30, content));
};

/** Requests with as many attributes, values or relative names as there is room for. */
function crowdedRequests(size: number): Uint8Array[] {
  const parts = takeApart(seeds("csr")[0]!);
  const room = Math.max(0, size - putTogether(parts).length);
  const many = (unit: string): Buffer => {
    const octets = Buffer.from(unit, "hex");
    return Buffer.concat(Array.from({ length: Math.floor(room / octets.length) }, () => octets));
  };
  return [
    { ...parts, attributes: tlv(0xa0, many("300706035504033100")) },
    { ...parts, attributes: tlv(0xa0, tlv(0x30, Buffer.from("0603550403", "hex"), tlv(0x31, many("0500")))) },
    { ...parts, subject: tlv(0x30, many("3109300706035504030500")) },
  ].map(putTogether);
}

/** Every reader of bytes from outside. */
export const READERS: readonly Reader[] = [
  {
    name: "JSON text",
    read: (bytes) => parseJson(bytes, { maxDepth: 64, maxMembers: 100_000 }),
    refusal: JsonError,
    agrees: (bytes, read) => sameJson(plain(read as JsonValue), parsedByOthers(bytes)),
    inputs: mutationsOf(seeds("json")),
    limit: 65_536,
    weight: 1,
    expensive: (size) =>
      ["[1,", '{"a":', '"\\u00e4', "9", " ", "[[],", '"é', "\\"]
        .map((unit) => bytesOf(`[${times(size, unit)}`))
        .concat([
          bytesOf(`{${Array.from({ length: size / 12 }, (_, at) => `"${at}":1`).join()}}`),
          bytesOf(`"${"x".repeat(size)}"`),
          bytesOf(`[${times(size, "0,")}0]`),
        ]),
  },
  {
    name: "signing request",
    read: (bytes) => parseSigningRequest(bytes, ["Bearer a.b.c"]),
    refusal: MayflyError,
    agrees: (bytes) => parsedByOthers(bytes) instanceof Map,
    inputs: mutationsOf(seeds("body")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => [
      bytesOf(`{"certificateSigningRequest":"${"QUJD".repeat(size / 4)}"}`),
      bytesOf(`{"publicKeyRequest":{"proofOfPossession":"${"QUJD".repeat(size / 4)}"}}`),
      bytesOf(`{"credentials":{"oidcIdentityToken":"${"x".repeat(size)}"}}`),
      bytesOf(`{"x":${times(size / 2, "[")}${times(size / 2, "]")}}`),
    ],
  },
  {
    name: "ID token",
    read: (bytes) => parseToken(Buffer.from(bytes).toString("latin1")),
    refusal: MayflyError,
    agrees: (bytes, read) => {
      const [header = "", payload = "", signature, ...more] = text(bytes).split(".");
      const { claims } = read as ReturnType<typeof parseToken>;
      const others = [header, payload].map((part) => parsedByOthers(Buffer.from(part, "base64url")));
      return more.length === 0 && signature !== "" && others[0] instanceof Map && sameJson(plain(claims), others[1]);
    },
    inputs: tokens(),
    limit: 16_384,
    weight: 1,
    expensive: (size) => [
      bytesOf(times(size, ".")),
      bytesOf(`e30.${"A".repeat(size)}.AA`),
      bytesOf("A".repeat(size)),
      bytesOf(`e30.${Buffer.from(`{"a":[${times(size * 0.7, "1,")}1]}`).toString("base64url")}.AA`),
      bytesOf(`e30.e30.${"A".repeat(size)}!`),
    ],
  },
  {
    name: "public key",
    read: (bytes) => checkKey(parsePublicKey(bytes), { forbiddenKeys: new Set() }),
    refusal: MayflyError,
    agrees: (_bytes, read) => {
      const { spki } = read as ReturnType<typeof checkKey>;
      const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
      return same(key.export({ type: "spki", format: "der" }), spki);
    },
    inputs: armoured("publicKey", "PUBLIC KEY"),
    limit: 8_192,
    weight: 1,
    expensive: (size) => [
      ...tlvOfSize(size),
      ...tlvOfSize(size * 0.7).map((der) => bytesOf(encodePem("PUBLIC KEY", der))),
    ],
  },
  {
    name: "certification request",
    read: (bytes) => {
      const request = parseCertificationRequest(bytes);
      request.signatureAlgorithm(); // issuance asks for it after the key
      return request;
    },
    refusal: MayflyError,
    agrees: (bytes, read) => {
      const { subjectPublicKeyInfo, signature } = read as ReturnType<typeof parseCertificationRequest>;
      const others = CertificationRequest.fromBER(Uint8Array.from(parsePem(bytes)[0]!.der));
      const key = new Uint8Array(others.subjectPublicKeyInfo.toSchema().toBER());
      return (
        same(others.signatureValue.valueBlock.valueHexView, signature) &&
        (same(key, subjectPublicKeyInfo) || walk(parseDer(subjectPublicKeyInfo)) > 4)
      );
    },
    inputs: armoured("csr", "CERTIFICATE REQUEST"),
    limit: 16_384,
    weight: 2,
    expensive: (size) =>
      [...tlvOfSize(size * 0.7), ...crowdedRequests(size * 0.7)].map((der) =>
        bytesOf(encodePem("CERTIFICATE REQUEST", der)),
      ),
  },
  {
    name: "CA chain",
    read: (bytes) => parseIssuerChain(bytes, Date.UTC(2026, 11, 1)),
    refusal: MayflyError,
    agrees: (bytes, read) =>
      (read as ReturnType<typeof parseIssuerChain>).certificates.length === parsePem(bytes).length,
    inputs: armoured("chain", "CERTIFICATE"),
    limit: 65_536,
    weight: 8,
    expensive: (size) => tlvOfSize(size * 0.7).map((der) => bytesOf(encodePem("CERTIFICATE", der))),
  },
  {
    name: "PEM",
    read: parsePem,
    refusal: PemError,
    agrees: (bytes, read) => {
      const blocks = read as ReturnType<typeof parsePem>;
      const body = text(bytes).replaceAll(/-----[^\n]*-----|\s/gu, "");
      return body === blocks.map(({ der }) => Buffer.from(der).toString("base64")).join("");
    },
    inputs: mutationsOf(seeds("pem")),
    limit: 65_536,
    weight: 1,
    expensive: (size) =>
      ["-----BEGIN A-----\n", "-----BEGIN A-----\nQQ==\n-----END A-----\n", "\n", "-", "-----BEGIN A-----\nQQ==\n"]
        .map((unit) => bytesOf(times(size, unit)))
        .concat(
          bytesOf(`-----BEGIN A-----\n${times(size, "QUJD\n")}-----END A-----`),
          bytesOf(`-----BEGIN ${"A".repeat(size)}`),
          bytesOf(`-----BEGIN A-----\n${"\r\n".repeat(size / 2)}`),
        ),
  },
  {
    name: "DER",
    read: (bytes) => {
      assertCanonicalDer(bytes);
      return walk(parseDer(bytes));
    },
    refusal: DerError,
    agrees: (bytes) => {
      if (holdsWideText(parseDer(bytes))) return true;
      const { offset, result } = fromBER(Uint8Array.from(bytes));
      return offset === bytes.length && same(new Uint8Array(result.toBER()), bytes);
    },
    inputs: mutationsOf(seeds("der")),
    limit: 65_536,
    weight: 1,
    expensive: tlvOfSize,
  },
  structureReader({
    name: "SCT list",
    decode: decodeSctList,
    encode: encodeSctList,
    seed: "sctList",
    expensive: (size) => [
      Buffer.alloc(size),
      Buffer.concat([
        Buffer.of(Math.min(size, 65_535) >> 8, Math.min(size, 65_535) & 0xff),
        Buffer.alloc(Math.min(size, 65_535)),
      ]),
    ],
  }),
  structureReader({
    name: "Merkle tree leaf",
    decode: decodeMerkleTreeLeaf,
    encode: encodeMerkleTreeLeaf,
    seed: "merkleTreeLeaf",
    expensive: (size) => [Buffer.alloc(size)],
  }),
  structureReader({
    name: "data tile",
    decode: decodeDataTile,
    encode: (leaves) => Buffer.concat(leaves.map(encodeTileLeaf)),
    seed: "dataTile",
    expensive: (size) => [
      Buffer.alloc(size),
      Buffer.concat(Array.from({ length: size / 100 }, () => seeds("dataTile")[0]!)),
    ],
  }),
  structureReader({
    name: "tile leaf",
    decode: decodeTileLeaf,
    encode: encodeTileLeaf,
    seed: "tileLeaf",
    expensive: (size) => {
      const leaf = decodeTileLeaf(seeds("tileLeaf")[0]!);
      const certificateChain = Array.from({ length: Math.floor(Math.min(size, 65_504) / 32) }, () => Buffer.alloc(32));
      return [
        Buffer.alloc(size),
        encodeTileLeaf({ ...leaf, certificateChain }),
        encodeTileLeaf({ ...leaf, preCertificate: Buffer.alloc(size) }),
      ];
    },
  }),
  {
    name: "CT extensions",
    read: (bytes) => decodeCtExtensions(bytes) ?? "none",
    refusal: PresentationError,
    agrees: (_bytes, read) => read === "none" || (typeof read === "number" && read >= 0 && read < 2 ** 40),
    inputs: mutationsOf(seeds("ctExtensions")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => [Buffer.alloc(size), Buffer.from(times(size, "\x01\x00\x00"), "latin1")],
  },
  {
    name: "signed note",
    read: (bytes) => parseSignedNote(bytes),
    refusal: NoteError,
    agrees: (bytes, read) => formatSignedNote(read as ReturnType<typeof parseSignedNote>) === text(bytes),
    inputs: mutationsOf(seeds("note")),
    limit: 65_536,
    weight: 1,
    expensive: (size) =>
      ["\n", "a\n", "\u2014 a QUJDREVG\n", "\n\n\u2014 ", "\u2014"].map((unit) => bytesOf(`a\n\n${times(size, unit)}`)),
  },
  {
    name: "checkpoint",
    read: (bytes) => parseCheckpoint(text(bytes)),
    refusal: NoteError,
    agrees: (bytes, read) => formatCheckpoint(read as ReturnType<typeof parseCheckpoint>) === text(bytes),
    inputs: mutationsOf(seeds("checkpoint")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => ["\n", "a\n", "9", "A"].map((unit) => bytesOf(`a\n${times(size, unit)}`)),
  },
  {
    name: "tile path",
    read: (bytes) => parseTilePath(text(bytes)),
    refusal: MayflyError,
    agrees: (bytes, read) =>
      read === undefined || tilePath(read as NonNullable<ReturnType<typeof parseTilePath>>) === text(bytes),
    inputs: mutationsOf(seeds("tilePath")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => ["x000/", "0", "/", "x001/000.p/"].map((unit) => bytesOf(`tile/0/${times(size, unit)}`)),
  },
  {
    name: "base64",
    read: (bytes) => decodeBase64(text(bytes)),
    refusal: MayflyError,
    agrees: (bytes, read) => read === undefined || encodeBase64(read as Uint8Array) === text(bytes),
    inputs: mutationsOf(seeds("base64")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => ["QUJD", "=", "A", "\n"].map((unit) => bytesOf(times(size, unit))),
  },
  ...ISSUER_READERS,
  ...LOG_READERS,
  ...SIGNATURE_READERS,
];

import { AnswerError, parseEntries, parseTreeHead } from "../../src/adapters/log-source/rfc6962-answers.ts";
import { takeEmbeddedScts, type EmbeddedScts } from "../../src/core/certificate/embedded-scts.ts";
import { decodeExtraData } from "../../src/core/ct/decode-extra-data.ts";
import { splitDataTile } from "../../src/core/ct/static-entry.ts";
import { DerError } from "../../src/core/encoding/der-reader.ts";
import { PresentationError } from "../../src/core/encoding/tls-presentation.ts";
import { tlv } from "../support/caller-keys.ts";
import { vec24 } from "../support/rfc6962-server.ts";
import { mutationsOf } from "./mutate.ts";
import { bytesOf, parsedByOthers, same, seeds, times, type Reader } from "./reader.ts";

type Member = string | undefined;

/** A member of JSON text as bytes, by Node's own decoder. */
const base64Of = (object: unknown, name: string): Buffer => {
  const value: Member = object instanceof Map ? (object.get(name) as Member) : undefined;
  return Buffer.from(value ?? "", "base64");
};

/** An empty answer that is as long as it may be, in ways that cost most. */
const crowdedJson = (size: number): Uint8Array[] => [
  bytesOf(`{"entries":[${times(size, "{},")}{}]}`),
  bytesOf(`{"entries":[{"leaf_input":"${"QUJD".repeat(size / 4)}","extra_data":""}]}`),
  bytesOf(`{"entries":[${times(size, '{"leaf_input":"","extra_data":""},')}0]}`),
  bytesOf(`{"tree_size":${"9".repeat(size)}}`),
];

/** Readers of what others' logs answer (RFC 6962 §4, C2SP static-ct-api), and of SCTs in certificates. */
export const LOG_READERS: readonly Reader[] = [
  {
    name: "get-sth answer",
    read: (bytes) => asAnswerError(() => parseTreeHead(bytes)),
    refusal: AnswerError,
    agrees: (bytes, read) => {
      const { size, root } = read as ReturnType<typeof parseTreeHead>;
      const others = parsedByOthers(bytes);
      return (
        others instanceof Map && others.get("tree_size") === size && same(base64Of(others, "sha256_root_hash"), root)
      );
    },
    inputs: mutationsOf(seeds("getSth")),
    limit: 65_536,
    weight: 1,
    expensive: crowdedJson,
  },
  {
    name: "get-entries answer",
    read: (bytes) => parseEntries(bytes),
    refusal: AnswerError,
    agrees: (bytes, read) => {
      const entries = read as ReturnType<typeof parseEntries>;
      const others = parsedByOthers(bytes);
      const list: unknown = others instanceof Map ? others.get("entries") : undefined;
      return (
        Array.isArray(list) &&
        list.length === entries.length &&
        entries.every(({ leafInput, extraData }, at) => {
          const other: unknown = list[at];
          return same(base64Of(other, "leaf_input"), leafInput) && same(base64Of(other, "extra_data"), extraData);
        })
      );
    },
    inputs: mutationsOf(seeds("getEntries")),
    limit: 65_536,
    weight: 1,
    expensive: crowdedJson,
  },
  {
    name: "extra data",
    read: (bytes) => decodeExtraData("precert_entry", bytes),
    refusal: PresentationError,
    agrees: (bytes, read) => {
      const { preCertificate = new Uint8Array(0), chain } = read as ReturnType<typeof decodeExtraData>;
      return same(Buffer.concat([vec24(preCertificate), vec24(Buffer.concat(chain.map(vec24)))]), bytes);
    },
    inputs: mutationsOf(seeds("extraData")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => [
      Buffer.alloc(size),
      Buffer.concat([vec24(Buffer.alloc(1)), vec24(Buffer.from(times(size, "\x00\x00\x01x")))]),
      vec24(Buffer.alloc(size)),
    ],
  },
  {
    name: "entries of a data tile",
    read: (bytes) => splitDataTile(bytes),
    refusal: PresentationError,
    agrees: (bytes, read) => same(Buffer.concat(read as ReturnType<typeof splitDataTile>), bytes),
    inputs: mutationsOf(seeds("dataTile")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => [
      Buffer.alloc(size),
      Buffer.concat(Array.from({ length: size / 100 }, () => seeds("dataTile")[0]!)),
    ],
  },
  {
    name: "embedded SCTs",
    read: (bytes) => takeEmbeddedScts(bytes),
    refusal: DerError,
    agrees: (bytes, read) => {
      if (read === undefined) return true;
      const { sctList, tbsCertificate } = read as EmbeddedScts;
      const without = tlv(0x30, tbsCertificate, tlv(0x30), tlv(0x03));
      // The list stands in the certificate as it is, and is gone from what the log signed.
      return Buffer.from(bytes).includes(Buffer.from(sctList)) && takeEmbeddedScts(without) === undefined;
    },
    inputs: mutationsOf(seeds("certificate")),
    limit: 65_536,
    weight: 1,
    expensive: (size) => {
      const extensions = (unit: string): Uint8Array =>
        tlv(0x30, tlv(0x30, tlv(0xa3, tlv(0x30, Buffer.from(times(size, unit), "latin1")))), tlv(0x30), tlv(0x03));
      return [extensions("\x30\x00"), extensions("\x30\x02\x06\x00"), extensions("\x30\x02\x05\x00")];
    },
  },
];

/** A tree head's signature has a form of its own. */
function asAnswerError<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof PresentationError)) throw cause;
    throw new AnswerError(cause.message, { cause });
  }
}

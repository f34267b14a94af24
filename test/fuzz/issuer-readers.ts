import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { MAX_DISCOVERY_BYTES, parseDiscovery } from "../../src/adapters/oidc/discovery.ts";
import { IssuerFailure } from "../../src/adapters/oidc/issuer-failure.ts";
import { MAX_JWKS_BYTES, parseJwks } from "../../src/adapters/oidc/jwks.ts";
import { issuerSettings } from "../support/issuer-settings.ts";
import { armouredMutationsOf, mutationsOf } from "./mutate.ts";
import { bytesOf, parsedByOthers, seeds, text, times, type Reader } from "./reader.ts";

const ISSUER = issuerSettings();

/** Most keys that a set may have. */
const MOST_KEYS = 100;

/** The keys that node:crypto makes of the members, as they stand there; nothing for those it makes none of. */
function keysByOthers(bytes: Uint8Array): readonly KeyObject[] {
  const { keys } = JSON.parse(text(bytes)) as { readonly keys: readonly JsonWebKey[] };
  return keys.flatMap((key) => {
    try {
      return [createPublicKey({ key, format: "jwk" })];
    } catch {
      return [];
    }
  });
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** The octets that a key of a set consists of. */
const openKey = (seed: Uint8Array): Uint8Array => {
  const { keys } = JSON.parse(text(seed)) as { readonly keys: readonly JsonWebKey[] };
  const { n = "", x = "", y = "" } = keys[0] ?? {};
  return Buffer.concat([n, x, y].map((member) => Buffer.from(member, "base64url")));
};

/** Octets as keys of each type, their encoding is right, whatever became of them. */
const closeKey = (octets: Uint8Array): Uint8Array => {
  const [x, y] = [octets.subarray(0, octets.length / 2), octets.subarray(octets.length / 2)].map(base64url);
  const keys = [
    { kty: "RSA", n: base64url(octets), e: "AQAB" },
    { kty: "RSA", n: modulus(0), e: base64url(octets.subarray(0, 9)) },
    { kty: "OKP", crv: "Ed25519", x: base64url(octets) },
    ...["P-256", "P-384", "P-521"].map((crv) => ({ kty: "EC", crv, x, y })),
  ];
  return bytesOf(JSON.stringify({ keys }));
};

/** An odd number of 8,192 bits: as long as a modulus may be, and each another. */
const modulus = (at: number): string => {
  const bytes = Buffer.alloc(1_024, 0xff);
  bytes.writeUInt32BE(at, 512);
  return base64url(bytes);
};

/** A set of about `size` bytes; what the keys leave of it is a member that nobody reads. */
function keySetOf(size: number, key: (at: number) => object): Uint8Array {
  const length = JSON.stringify(key(0)).length + 1;
  const keys = Array.from({ length: Math.min(MOST_KEYS, Math.floor(size / length)) }, (_, at) => key(at));
  return bytesOf(JSON.stringify({ keys, rest: "x".repeat(Math.max(0, size - keys.length * length)) }));
}

/** Readers of what issuers serve. */
export const ISSUER_READERS: readonly Reader[] = [
  {
    name: "key set",
    read: parseJwks,
    refusal: IssuerFailure,
    agrees: (bytes, read) => {
      const { keys } = read as ReturnType<typeof parseJwks>;
      const others = keysByOthers(bytes);
      return keys.length > 0 && keys.every(({ keyObject }) => others.some((other) => other.equals(keyObject)));
    },
    inputs: armouredMutationsOf(seeds("keySet"), openKey, closeKey),
    limit: MAX_JWKS_BYTES,
    weight: 2,
    expensive: (size) => [
      keySetOf(size, (at) => ({ kty: "RSA", e: "AQAB", n: modulus(at) })),
      keySetOf(size, () => ({ kty: "RSA", e: "AQAB", n: modulus(0) })),
      keySetOf(size, () => ({ kty: "OKP", crv: "Ed25519", x: "A".repeat(43) })),
      bytesOf(`{"keys":[{"kty":"RSA","e":"AQAB","n":"${"A".repeat(size)}"}]}`),
      bytesOf(`{"keys":[{"kty":"RSA","e":"${"_".repeat(size)}","n":"${modulus(0)}"}]}`),
      bytesOf(`{"keys":[{"kty":"EC","key_ops":[${times(size, "0,")}0]}]}`),
      bytesOf(`{"keys":[${times(size, "[],")}[]]}`),
    ],
  },
  {
    name: "discovery document",
    read: (bytes) => parseDiscovery(bytes, ISSUER),
    refusal: IssuerFailure,
    agrees: (bytes, read) => {
      const { jwksUri, algorithms } = read as ReturnType<typeof parseDiscovery>;
      const others = parsedByOthers(bytes) as ReadonlyMap<string, unknown>;
      const announced = others.get("id_token_signing_alg_values_supported");
      const { protocol, username, password, hash, port } = new URL(jwksUri);
      return (
        others.get("issuer") === ISSUER.url &&
        others.get("jwks_uri") === jwksUri &&
        protocol === "https:" &&
        [username, password, hash, port].every((part) => part === "") &&
        [...algorithms].every((name) => name === "RS256" || (Array.isArray(announced) && announced.includes(name)))
      );
    },
    inputs: mutationsOf(seeds("discovery")),
    limit: MAX_DISCOVERY_BYTES,
    weight: 1,
    expensive: (size) => [
      bytesOf(`{"issuer":"${ISSUER.url}","jwks_uri":"https://a/${"a".repeat(size)}"}`),
      bytesOf(`{"issuer":"${ISSUER.url}","jwks_uri":"https://${times(size, "a.")}"}`),
      bytesOf(`{"issuer":"${ISSUER.url}","jwks_uri":"https://[${times(size, "0:")}]/"}`),
      bytesOf(`{"issuer":"${ISSUER.url}","jwks_uri":"https://a/${times(size, "%2e%2e/")}"}`),
      bytesOf(`{"issuer":"${ISSUER.url}","jwks_uri":"https://a?${times(size, "/?")}"}`),
      bytesOf(`{"id_token_signing_alg_values_supported":[${times(size, '"a",')}0]}`),
    ],
  },
];

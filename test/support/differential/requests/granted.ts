import { sign } from "node:crypto";
import { parsePem } from "../../../../src/core/encoding/pem.ts";
import { pemOf, spkiOf } from "../../caller-keys.ts";
import { opensslCsr } from "../../openssl-csr.ts";
import { ecdsa, keys, readEcdsa, TYPES } from "../../refused-proofs.ts";
import { CALLER, digestOf, proofBy } from "../../signing-body.ts";
import { signing } from "../request.ts";
import type { DifferentialRequest, Rows } from "../request.ts";
import type { SigningFields } from "../signing-call.ts";
import type { TokenSource } from "../token-source.ts";

const p256 = keys["ecdsa-p256"];
const pem = pemOf(p256.publicKey).toString();
const rsa = keys["rsa-2048"];

/** A request with the caller's token and the proof of a key, but for the changes. */
const byKey = (name: string, key = p256, changes: Partial<SigningFields> = {}, rows: Rows = []): DifferentialRequest =>
  signing(name, ({ token }) => ({ token: token(), publicKey: pemOf(key.publicKey), proof: proofBy(key), ...changes }), {
    rows,
  });

const byCsr = (name: string, csr: Uint8Array, rows: Rows = []): DifferentialRequest =>
  signing(name, ({ token }) => ({ token: token(), csr }), { rows });

/** Order of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function withOtherS(): Buffer {
  const { r, s } = readEcdsa(proofBy(p256));
  return ecdsa(r, N - s);
}

const subjects: readonly (readonly [name: string, subject: string, args: readonly string[]])[] = [
  ["a subject", "/CN=somebody else/O=Example", []],
  ["a subject with an e-mail address", "/emailAddress=other@example.com", []],
  ["a subjectAltName", "/", ["-addext", "subjectAltName=email:other@example.com,DNS:example.com"]],
  ["basicConstraints of a CA", "/", ["-addext", "basicConstraints=critical,CA:TRUE"]],
  ["an unknown critical extension", "/", ["-addext", "1.2.3.4=critical,DER:0500"]],
];

/** Keys and proofs in every form that is taken. */
export const KEYS_AND_PROOFS: readonly DifferentialRequest[] = [
  ...TYPES.map((type) => byKey(`a key of type ${type}`, keys[type])),
  ...TYPES.map((type) =>
    byCsr(`a certification request of ${type}`, opensslCsr(keys[type], { args: csrDigest(type) })),
  ),
  ...subjects.map(([name, subject, args]) =>
    byCsr(`a certification request with ${name}`, opensslCsr(p256, { subject, args })),
  ),
  byCsr("a certification request with the older label", relabelled(opensslCsr(p256), "NEW CERTIFICATE REQUEST")),
  byKey("RSA as PKCS#1", rsa, { publicKey: Buffer.from(rsa.publicKey.export({ type: "pkcs1", format: "pem" })) }),
  byKey("DER", p256, { publicKey: spkiOf(p256.publicKey) }),
  byKey("PEM without its final newline", p256, { publicKey: Buffer.from(pem.trimEnd()) }),
  byKey("PEM with CR LF", p256, { publicKey: Buffer.from(pem.replaceAll("\n", "\r\n")) }),
  byKey("PEM with blank lines behind it", p256, { publicKey: Buffer.from(`${pem}\n\n`) }),
  byKey("PEM on lines of 76 characters", p256, { publicKey: Buffer.from(onLinesOf(76)) }),
  byKey("PEM on one line", p256, { publicKey: Buffer.from(onLinesOf(1000)) }),
  byKey("a raw r‖s proof", p256, { proof: rawProof("ecdsa-p256") }),
  byKey("a raw r‖s proof of P-384", keys["ecdsa-p384"], { proof: rawProof("ecdsa-p384") }),
  byKey("a raw r‖s proof of P-521", keys["ecdsa-p521"], { proof: rawProof("ecdsa-p521") }),
  byKey("a proof with the other s", p256, { proof: withOtherS() }),
  ...["ECDSA", "RSA_PSS", "ED25519", "RSA", "ecdsa", "nonsense", ""].map((algorithm) =>
    byKey(`the algorithm ${JSON.stringify(algorithm)}`, p256, { algorithm }),
  ),
  ...(
    [
      ["text in front of the PEM", `my key:\n${pem}`],
      ["text behind the PEM", `${pem}\nbye\n`],
      ["two PEM blocks", `${pem}${pem}`],
      ["PEM with headers", pem.replace("\n", "\nA: b\n\n")],
    ] as const
  ).map(([name, text]) => byKey(name, p256, { publicKey: Buffer.from(text) }, ["PEM"])),
  byCsr("text in front of the request", Buffer.concat([Buffer.from("CSR:\n"), opensslCsr(p256)]), ["PEM of a CSR"]),
  byCsr("two requests", Buffer.concat([opensslCsr(p256), opensslCsr(p256)]), ["PEM of a CSR"]),
];

/** Where the token and the key of a request may stand. */
export const PLACES: readonly DifferentialRequest[] = [
  ...(["http-v2", "grpc-v2"] as const).map((entrance) => inBody(entrance)),
  signing(
    "the token in the body, and nonsense as credentials",
    (source) => ({ ...good(source), token: "a.b.c", tokenInBody: source.token() }),
    { entrances: ["http-v2", "grpc-v2"] },
  ),
  signing(
    "nonsense in the body, and the token as credentials",
    (source) => ({ ...good(source), tokenInBody: "a.b.c" }),
    { entrances: ["http-v2", "grpc-v2"] },
  ),
  signing("an empty token in the body, and one as credentials", (source) => ({ ...good(source), tokenInBody: "" }), {
    entrances: ["http-v2", "grpc-v2"],
  }),
  signing("a certification request and a key", (source) => ({ ...good(source), csr: opensslCsr(keys["ecdsa-p384"]) }), {
    rows: { "http-v2": ["text of a malformed request"] },
  }),
  signing("an empty certification request and a key", (source) => ({ ...good(source), csr: Buffer.alloc(0) }), {
    rows: { "http-v2": ["text of a malformed request"] },
  }),
  signing("a key for another caller's token", (source) => ({
    ...good(source),
    token: source.token("email", { email: "other@example.com" }),
  })),
  signing("neither key nor request", ({ token }) => ({ token: token() })),
  signing("a proof without key", ({ token }) => ({ token: token(), proof: proofBy(p256) })),
  signing("a key without proof", ({ token }) => ({ token: token(), publicKey: pemOf(p256.publicKey) })),
  signing("an empty key", ({ token }) => ({ token: token(), publicKey: Buffer.alloc(0), proof: proofBy(p256) })),
  signing("nothing", () => ({})),
  signing("no token, and a good key", () => ({ publicKey: pemOf(p256.publicKey), proof: proofBy(p256) })),
  signing("no token, and a key that cannot be read", () => ({
    publicKey: Buffer.from("nonsense"),
    proof: proofBy(p256),
  })),
];

function good({ token }: TokenSource): SigningFields {
  return { token: token(), publicKey: pemOf(p256.publicKey), proof: proofBy(p256) };
}

function inBody(entrance: "http-v2" | "grpc-v2"): DifferentialRequest {
  const fields = ({ token }: TokenSource): SigningFields => ({
    tokenInBody: token(),
    publicKey: pemOf(p256.publicKey),
    proof: proofBy(p256),
  });
  return signing(`the token in the body of ${entrance}`, fields, { entrances: [entrance] });
}

function rawProof(type: keyof typeof keys): Buffer {
  const { privateKey } = keys[type];
  return sign(digestOf(keys[type]), Buffer.from(CALLER), { key: privateKey, dsaEncoding: "ieee-p1363" });
}

function onLinesOf(length: number): string {
  const [block] = parsePem(Buffer.from(pem));
  const lines =
    Buffer.from(block!.der)
      .toString("base64")
      .match(new RegExp(`.{1,${String(length)}}`, "gu")) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}

function relabelled(csr: Uint8Array, label: string): Buffer {
  return Buffer.from(Buffer.from(csr).toString().replaceAll("CERTIFICATE REQUEST", label));
}

/** The digest that is permitted with such a key. */
function csrDigest(type: string): readonly string[] {
  if (type === "ed25519") return [];
  return [{ "ecdsa-p384": "-sha384", "ecdsa-p521": "-sha512" }[type] ?? "-sha256"];
}

import { bundleFromJSON } from "@sigstore/bundle";
import { createPrivateKey, hash, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { certificatesOf, verifyBundle } from "../../../dev/verify-bundle.ts";
import { openFileSigner } from "../../../src/adapters/signers/file.ts";
import { parseIssuerChain } from "../../../src/core/certificate/issuer-chain.ts";
import type { AuthorityKind } from "../../judges/certificate-cases.ts";
import { CaseIssuer, makeKeyRing } from "../../judges/issue-case.ts";
import type { JudgedCertificate, KeyRing } from "../../judges/issue-case.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import { PASSPHRASE } from "../operator-keys.ts";
import { CEREMONY_KEYS, fileSigner } from "./ceremony-folder.ts";
import type { CeremonyFolder } from "./ceremony-folder.ts";

/** A CA as `mayfly ca init` makes it: its layout, and the kinds of its keys, the root's first. */
export interface LayoutCase {
  readonly layout: "root-and-issuing" | "three-tier" | "lone-root";
  readonly keys: readonly string[];
}

/** Names of keys, as the judges of certificates have them. */
const JUDGED: Readonly<Record<string, AuthorityKind["key"]>> = {
  p256: "ecdsa-p256",
  p384: "ecdsa-p384",
  p521: "ecdsa-p521",
  rsa2048: "rsa-2048",
  rsa3072: "rsa-3072",
  rsa4096: "rsa-4096",
};

/** Every kind of key that a CA may have. */
export const CA_KEY_KINDS: readonly string[] = Object.keys(JUDGED);

const AUTHORITIES: Readonly<Record<LayoutCase["layout"], readonly string[]>> = {
  "root-and-issuing": ["root", "issuing"],
  "three-tier": ["root", "intermediate", "issuing"],
  "lone-root": ["root"],
};

/** What a layout is called in titles and evidence. */
export const describeLayout = ({ layout, keys }: LayoutCase): string => `${layout} (${keys.join(" → ")})`;

const CHOICE = { authorities: [], leaves: ["ecdsa-p256"] } as const;
const EMAIL = "signer@example.com";
let made = 0;

/** A CA that a ceremony made, and a certificate of it. */
export interface LaidOut {
  readonly judged: JudgedCertificate;
  readonly keys: KeyRing;
}

/** Runs a ceremony and has its lowest authority issue one certificate, with an SCT of a log that has one entry. */
export async function issueByLayout(lab: CeremonyFolder, { layout, keys }: LayoutCase): Promise<LaidOut> {
  made += 1;
  const folder = `layout-${String(made)}`;
  const authorities = AUTHORITIES[layout].map((name, at) => ({
    name,
    kind: keys[at] ?? "",
    file: `${folder}-${name}`,
  }));
  for (const { kind, file } of authorities) await lab.addKey(file, CEREMONY_KEYS[kind]!());
  const lines = authorities.map(({ name, file }) => `${name}: { years: 3, signer: ${fileSigner(file)} }`);
  const ceremony = lab.write(`${folder}.yaml`, `layout: ${layout}`, `folder: ${folder}`, ...lines);
  const { code, stderr } = await lab.run("init", "--ceremony", ceremony);
  if (code !== 0) throw new Error(stderr);
  const lowest = authorities.at(-1)!;
  const nowMs = Date.now() + 2_000;
  const chain = parseIssuerChain(readFileSync(lab.path(folder, "chain.pem")), nowMs);
  const signer = await openFileSigner({ path: lab.path(`${lowest.file}.json`), passphrase: PASSPHRASE });
  const keyRing = makeKeyRing(CHOICE);
  const issuer = new CaseIssuer(keyRing, () => Promise.resolve({ chain, signer }));
  const judged = await issuer.issue({
    authority: {
      key: JUDGED[lowest.kind]!,
      shape: layout === "lone-root" ? "lone root" : "root and issuing CA",
      made: "2026",
    },
    key: "ecdsa-p256",
    subjectAltName: { kind: "email", value: EMAIL },
    extensions: { issuer: "https://accounts.example.com" },
    serialNumber: Uint8Array.from({ length: 20 }, (_, at) => at + 1),
    ...{ nowMs, lifetimeSeconds: 600, backdateSeconds: 0, sctDelayMs: 5, leafIndex: made },
  });
  return { judged, keys: keyRing };
}

/**
 * Has Sigstore's own verifier (`@sigstore/verify`) judge a signature by the certificate's key: chain, SCT, identity, signature.
 *
 * @throws VerificationError, PolicyError
 */
export function verifyAsClient({ judged, keys }: LaidOut): void {
  const artifact = Buffer.from("an artifact\n");
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const json = {
    mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2",
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: base64(judged.leaf) }] },
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [] },
    },
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: hash("sha256", artifact, "base64") },
      signature: base64(sign("sha256", artifact, createPrivateKey(keys["leaf ecdsa-p256"]!))),
    },
  };
  const chainPem = judged.chain.map((der) => `${encodePem("CERTIFICATE", der)}\n`).join("");
  if (certificatesOf(chainPem).length !== judged.chain.length) throw new TypeError("a certificate is missing");
  const signed = { artifact, bundle: bundleFromJSON(json), bundleJson: JSON.stringify(json) };
  verifyBundle(signed, { chainPem, logPublicKey: Buffer.from(judged.logKey) }, EMAIL);
}

import type { KeyObject } from "node:crypto";
import { generateKeyPairSync, hash, randomBytes, sign } from "node:crypto";
import type { SignatureAlgorithm } from "../../src/core/certificate/algorithms.ts";
import type { CaTemplate } from "../../src/core/certificate/ca-certificate.ts";
import { encodeCaTbs } from "../../src/core/certificate/ca-certificate.ts";
import { encodeCertificate } from "../../src/core/certificate/encode-tbs.ts";
import type { IssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { parseIssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import type { CertificateTemplate } from "../../src/core/certificate/template.ts";
import { encodeSctList } from "../../src/core/ct/sct.ts";
import { encodePem } from "../../src/core/encoding/pem.ts";
import type { FulcioExtensions, SubjectAltName } from "../../src/core/identity/principal.ts";
import type { KeyAlgorithm, ProvenKey } from "../../src/core/proof/public-key.ts";

/** The instant that certificates of tests are made at: 2026-11-22T12:00:00Z. */
export const NOW_MS = Date.UTC(2026, 10, 22, 12);

const DAY_MS = 86_400_000;

/** A key pair with its SPKI as node:crypto writes it. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly spki: Uint8Array;
}

const ecdsa = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });

const MAKE_KEY: Readonly<Record<KeyAlgorithm, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  "ecdsa-p256": () => ecdsa("P-256"),
  "ecdsa-p384": () => ecdsa("P-384"),
  "ecdsa-p521": () => ecdsa("P-521"),
  "rsa-2048": () => rsa(2048),
  "rsa-3072": () => rsa(3072),
  "rsa-4096": () => rsa(4096),
  ed25519: () => generateKeyPairSync("ed25519"),
};

/** Every type of key that a leaf may have. */
export const KEY_ALGORITHMS = Object.keys(MAKE_KEY) as KeyAlgorithm[];

/** A fresh key pair. */
export function makeKeyPair(algorithm: KeyAlgorithm): KeyPair {
  const { publicKey, privateKey } = MAKE_KEY[algorithm]();
  return { publicKey, privateKey, spki: spkiOf(publicKey) };
}

/** DER SubjectPublicKeyInfo. */
export function spkiOf(publicKey: KeyObject): Uint8Array {
  return Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
}

/** A key as if its holder had proved possession; tests of certificates do not repeat that proof. */
export function proven({ spki }: Pick<KeyPair, "spki">, algorithm: KeyAlgorithm): ProvenKey {
  return { spki, algorithm } as ProvenKey;
}

/** 20 random octets, first bit clear. */
export function serialNumber(): Uint8Array {
  return Uint8Array.of(0x5a, ...randomBytes(19));
}

const HASH: Readonly<Record<SignatureAlgorithm, string | null>> = {
  "ecdsa-p256-sha256": "sha256",
  "ecdsa-p384-sha384": "sha384",
  "ecdsa-p521-sha512": "sha512",
  "rsa-pkcs1-sha256": "sha256",
  ed25519: null,
};

/** Signs a TBS and closes the certificate. */
export function certify(tbs: Uint8Array, algorithm: SignatureAlgorithm, key: KeyObject): Uint8Array {
  return encodeCertificate(tbs, algorithm, sign(HASH[algorithm], tbs, key));
}

/** PEM file of certificates in the given order. */
export function pemOf(...certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => `${encodePem("CERTIFICATE", der)}\n`).join("");
}

/** An issuing chain whose keys the test holds. */
export interface TestCa {
  readonly chain: IssuerChain;
  readonly issuingKey: KeyPair;
  readonly rootKey: KeyPair;
  /** DER of the issuing CA (the root itself where it is alone) and of the root. */
  readonly issuingDer: Uint8Array;
  readonly rootDer: Uint8Array;
}

const name = (commonName: string) => ({ organization: "Mayfly tests", commonName });

/** The CA certificate of `key`, self-signed or signed by `parent`. */
export function makeCaCertificate(
  key: KeyPair,
  signer: KeyPair,
  template: Partial<CaTemplate> & { readonly algorithm: SignatureAlgorithm },
): Uint8Array {
  const { algorithm, ...rest } = template;
  const tbs = encodeCaTbs({
    subject: { name: name("root"), subjectPublicKeyInfo: key.spki },
    issuer: "self",
    signatureAlgorithm: algorithm,
    serialNumber: serialNumber(),
    pathLength: undefined,
    notBeforeMs: NOW_MS - DAY_MS,
    notAfterMs: NOW_MS + 365 * DAY_MS,
    ...rest,
  });
  return certify(tbs, algorithm, signer.privateKey);
}

/** Root and issuing CA, P-256 both. */
export function makeCa(validity: Partial<CaTemplate> = {}): TestCa {
  const [rootKey, issuingKey] = [makeKeyPair("ecdsa-p256"), makeKeyPair("ecdsa-p256")];
  const algorithm: SignatureAlgorithm = "ecdsa-p256-sha256";
  const rootDer = makeCaCertificate(rootKey, rootKey, { algorithm, ...validity });
  const issuingDer = makeCaCertificate(issuingKey, rootKey, {
    algorithm,
    subject: { name: name("issuing CA"), subjectPublicKeyInfo: issuingKey.spki },
    issuer: { name: name("root"), subjectPublicKeyInfo: rootKey.spki },
    pathLength: 0,
    ...validity,
  });
  const nowMs = validity.notBeforeMs ?? NOW_MS;
  return { chain: parseIssuerChain(pemOf(issuingDer, rootDer), nowMs), issuingKey, rootKey, issuingDer, rootDer };
}

/** A root that signs leaves itself. */
export function makeLoneRoot(algorithm: KeyAlgorithm, signatureAlgorithm: SignatureAlgorithm): TestCa {
  const key = makeKeyPair(algorithm);
  const der = makeCaCertificate(key, key, { algorithm: signatureAlgorithm, pathLength: 0 });
  return { chain: parseIssuerChain(pemOf(der), NOW_MS), issuingKey: key, rootKey: key, issuingDer: der, rootDer: der };
}

/** The name of a person. */
export const EMAIL: SubjectAltName = { kind: "email", value: "jane.doe+release@example.com" };

const REPOSITORY = "https://github.com/octo-org/octo-automation";

/** The name of a GitHub Actions workflow. */
export const WORKFLOW_URI: SubjectAltName = {
  kind: "uri",
  value: `${REPOSITORY}/.github/workflows/oidc.yml@refs/heads/main`,
};

/** A user of a domain, with a letter beyond ASCII. */
export const USERNAME: SubjectAltName = { kind: "username", value: "am\u00e9lie!example.com" };

/** Values for every extension there is. */
export const ALL_EXTENSIONS: Required<FulcioExtensions> = {
  issuer: "https://token.actions.githubusercontent.com",
  githubWorkflowTrigger: "workflow_dispatch",
  githubWorkflowSha: "b9a0f1e5d6c7b8a90f1e2d3c4b5a69788796a5b4",
  githubWorkflowName: "Veröffentlichung 🚀",
  githubWorkflowRepository: "octo-org/octo-automation",
  githubWorkflowRef: "refs/heads/main",
  buildSignerUri: `${REPOSITORY}/.github/workflows/oidc.yml@refs/heads/main`,
  buildSignerDigest: "b9a0f1e5d6c7b8a90f1e2d3c4b5a69788796a5b4",
  runnerEnvironment: "github-hosted",
  sourceRepositoryUri: REPOSITORY,
  sourceRepositoryDigest: "b9a0f1e5d6c7b8a90f1e2d3c4b5a69788796a5b4",
  sourceRepositoryRef: "refs/heads/main",
  sourceRepositoryIdentifier: "74",
  sourceRepositoryOwnerUri: "https://github.com/octo-org",
  sourceRepositoryOwnerIdentifier: "65",
  buildConfigUri: `${REPOSITORY}/.github/workflows/oidc.yml@refs/heads/main`,
  buildConfigDigest: "b9a0f1e5d6c7b8a90f1e2d3c4b5a69788796a5b4",
  buildTrigger: "workflow_dispatch",
  runInvocationUri: `${REPOSITORY}/actions/runs/30433642/attempts/2`,
  sourceRepositoryVisibilityAtSigning: "private",
  deploymentEnvironment: "Produktion → 東京",
  tokenSubject: "repo:octo-org/octo-automation:environment:Produktion",
};

/** A template as `buildTemplate` would make it, with parts replaced. */
export function makeTemplate(ca: TestCa, parts: Partial<CertificateTemplate> = {}): CertificateTemplate {
  return {
    serialNumber: serialNumber(),
    issuer: ca.chain,
    notBeforeMs: NOW_MS,
    notAfterMs: NOW_MS + 600_000,
    key: proven(makeKeyPair("ecdsa-p256"), "ecdsa-p256"),
    subjectAltName: EMAIL,
    extensions: { issuer: "https://accounts.example.com", tokenSubject: "4711" },
    ...parts,
  };
}

/** An SCT list with one SCT whose signature nobody checks here. */
export const SCT_LIST: Uint8Array = encodeSctList([
  {
    logId: hash("sha256", "log", "buffer"),
    timestampMs: NOW_MS + 5,
    extensions: Uint8Array.from(Buffer.from("0000050000000007", "hex")),
    leafIndex: 7,
    signature: sign("sha256", Uint8Array.of(1), makeKeyPair("ecdsa-p256").privateKey),
  },
]);

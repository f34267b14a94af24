import { createPrivateKey, hash, type KeyObject } from "node:crypto";
import { createMemoryLogStore } from "../../src/adapters/log-store/memory/memory-log-store.ts";
import { makeKeyObjectSigner } from "../../src/adapters/signers/key-object-signer.ts";
import { makeCaChain } from "../../src/compose/make-ca.ts";
import { buildTemplate } from "../../src/core/certificate/build-template.ts";
import { parseIssuerChain, type IssuerChain } from "../../src/core/certificate/issuer-chain.ts";
import { encodeCaTbs } from "../../src/core/certificate/ca-certificate.ts";
import { encodeCertificate } from "../../src/core/certificate/encode-tbs.ts";
import { lintTemplate } from "../../src/core/certificate/lint-template.ts";
import { decodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import { encodePem } from "../../src/core/encoding/pem.ts";
import { MayflyError } from "../../src/core/errors.ts";
import { openCertificateLog } from "../../src/ctlog/submit-precertificate.ts";
import { signCertificate, signPrecertificate } from "../../src/issuance/sign-certificate.ts";
import type { CertificateLog } from "../../src/ports/certificate-log.ts";
import type { Signer } from "../../src/ports/signer.ts";
import type { Sequencer } from "../../src/tlog/sequencer.ts";
import { proven } from "../support/certificate-fixtures.ts";
import { makeKey } from "../support/caller-keys.ts";
import { MANIFEST } from "../support/log-fixtures.ts";
import { drawCases, madeMs, type AuthorityKind, type CertificateCase, type KeyChoice } from "./certificate-cases.ts";
import { intendedFacts, type CertificateFacts } from "./facts.ts";

/** A certificate and everything that a judge needs. */
export interface JudgedCertificate {
  readonly from: CertificateCase;
  readonly facts: CertificateFacts;
  readonly leaf: Uint8Array;
  readonly precertificate: Uint8Array;
  /** The TBSCertificate inside the entry that the log keeps. */
  readonly loggedTbs: Uint8Array;
  /** Issuing CA first, root last. */
  readonly chain: readonly Uint8Array[];
  readonly logKey: Uint8Array;
}

/** A CA that issues. */
export interface Authority {
  readonly chain: IssuerChain;
  readonly signer: Signer;
}

/** PEM (PKCS #8) by what a key is for: what a process hands to another so that both judge with the same keys. */
export type KeyRing = Readonly<Record<string, string>>;

const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

/** Fresh keys for the leaves, authorities and the log of a run. */
export function makeKeyRing({ authorities, leaves }: KeyChoice): KeyRing {
  const purposes = [
    ...leaves.map((type) => [`leaf ${type}`, type]),
    ...authorities.flatMap((type) => [
      [`root ${type}`, type],
      [`issuing ${type}`, type],
    ]),
    ["log", "ecdsa-p256"],
  ] as const;
  return Object.fromEntries(purposes.map(([purpose, type]) => [purpose, pem(makeKey(type).privateKey)]));
}

/** Issues the certificates of cases along the way that issuance goes, from template to signature. */
export class CaseIssuer {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #authorities = new Map<string, Promise<Authority>>();
  readonly #make: (kind: AuthorityKind) => Promise<Authority>;

  /** @param make makes the CA of a kind, where it is not to be made of the ring's own keys */
  constructor(keys: KeyRing, make?: (kind: AuthorityKind) => Promise<Authority>) {
    this.#make = make ?? ((kind) => this.#makeAuthority(kind));
    this.#keys = new Map(Object.entries(keys).map(([purpose, text]) => [purpose, createPrivateKey(text)]));
  }

  /** @throws MayflyError what issuance throws */
  async issue(from: CertificateCase): Promise<JudgedCertificate> {
    const { chain, signer } = await this.#authority(from.authority);
    const key = proven({ spki: this.#signer(`leaf ${from.key}`).publicKey }, from.key);
    const { subjectAltName, extensions, serialNumber, nowMs, lifetimeSeconds, backdateSeconds } = from;
    const principal = { challenge: "", challengeClaim: "sub" as const, subjectAltName, extensions };
    const parts = { principal, key, nowMs, issuer: chain, serialNumber, lifetimeSeconds, backdateSeconds };
    const template = lintTemplate(buildTemplate(parts));
    const precertificate = await signPrecertificate(template, signer);
    const { log, stored } = await this.#logAt(from);
    const sct = await log.add(precertificate);
    const leaf = await signCertificate(precertificate, sct, signer);
    const logKey = this.#signer("log").publicKey;
    return {
      from,
      facts: intendedFacts(from, { spki: key.spki, chain, logId: hash("sha256", logKey, "buffer") }),
      leaf,
      precertificate: precertificate.der,
      loggedTbs: loggedTbs(stored()),
      chain: chain.certificates,
      logKey,
    };
  }

  #signer(purpose: string): Signer {
    const key = this.#keys.get(purpose);
    if (key === undefined) throw new RangeError(`no key for ${purpose}`);
    return makeKeyObjectSigner(key);
  }

  #authority(kind: AuthorityKind): Promise<Authority> {
    const name = JSON.stringify(kind);
    const known = this.#authorities.get(name) ?? this.#make(kind);
    this.#authorities.set(name, known);
    return known;
  }

  async #makeAuthority(kind: AuthorityKind): Promise<Authority> {
    const { key, shape } = kind;
    const [root, issuing] = [this.#signer(`root ${key}`), this.#signer(`issuing ${key}`)];
    const nowMs = madeMs(kind);
    if (shape === "root and issuing CA") {
      const chain = await makeCaChain({ organization: "Éphémère 東京 \u2603", root, issuing, nowMs });
      return { chain: parseIssuerChain(chain, nowMs), signer: issuing };
    }
    const tbs = encodeCaTbs({
      subject: { name: { organization: "Ä", commonName: "lone root" }, subjectPublicKeyInfo: root.publicKey },
      issuer: "self",
      signatureAlgorithm: root.algorithm,
      serialNumber: Uint8Array.of(0, 0xff, ...new Uint8Array(18)),
      pathLength: 0,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 3 * 365 * 86_400_000,
    });
    const der = encodeCertificate(tbs, root.algorithm, await root.sign(tbs));
    return { chain: parseIssuerChain(`${encodePem("CERTIFICATE", der)}\n`, nowMs), signer: root };
  }

  /** A log that has room for one entry: at the place and time that the case names. */
  async #logAt(from: CertificateCase): Promise<{ log: CertificateLog; stored: () => Uint8Array }> {
    const logSigner = this.#signer("log");
    const { leafIndex, nowMs, sctDelayMs } = from;
    let stored: Uint8Array | undefined;
    const sequencer: Sequencer = {
      append: (submission) => {
        const timestampMs = nowMs + sctDelayMs;
        stored = submission.encode(leafIndex, timestampMs).stored;
        return Promise.resolve({ duplicate: false, index: leafIndex, timestampMs });
      },
      requireOpen: () => undefined,
      refusal: () => undefined,
      fail: () => undefined,
      close: () => Promise.resolve(),
      freeze: () => Promise.resolve(),
    };
    const manifest = {
      ...MANIFEST,
      logId: hash("sha256", logSigner.publicKey, "buffer"),
      logPublicKey: logSigner.publicKey,
    };
    const store = createMemoryLogStore({
      manifest,
      onFatal: (error) => {
        throw error;
      },
    });
    const log = await openCertificateLog({ sequencer, store, logSigner });
    return {
      log,
      stored: () => {
        if (stored === undefined) throw new TypeError("nothing was logged");
        return stored;
      },
    };
  }
}

function loggedTbs(stored: Uint8Array): Uint8Array {
  const { signedEntry } = decodeTileLeaf(stored).timestampedEntry;
  if (signedEntry.kind !== "precert_entry") throw new TypeError("a certificate was logged, not a precertificate");
  return signedEntry.tbsCertificate;
}

/** Cases that were issued, and how many were not because the profile admits no such name. */
export interface IssuedCases {
  readonly certificates: readonly JudgedCertificate[];
  readonly namesRefused: number;
}

/**
 * Draws cases from a fixed seed and issues them, until there are `count` certificates. What the profile says of a name is
 * respected; any other refusal is an error.
 */
export async function issueCases(
  count: number,
  { choice, issuer, seed }: { choice: KeyChoice; issuer: CaseIssuer; seed: number },
): Promise<IssuedCases> {
  const certificates: JudgedCertificate[] = [];
  let namesRefused = 0;
  for (const from of drawCases(choice, { seed, count: 2 * count })) {
    if (certificates.length === count) break;
    try {
      certificates.push(await issuer.issue(from));
    } catch (error) {
      if (!(error instanceof MayflyError) || !/^san-|subjectAltName holds/u.test(error.message)) throw error;
      namesRefused += 1;
    }
  }
  if (certificates.length < count) throw new RangeError("too few of the drawn names are admitted");
  return { certificates, namesRefused };
}

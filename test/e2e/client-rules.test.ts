import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPublicKey, hash, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { X509Certificate as SigstoreCertificate } from "@sigstore/core";
import type { TokenKind } from "../../dev/token-claims.ts";
import { ask, askForCertificate } from "../support/ask.ts";
import { makeKey } from "../support/caller-keys.ts";
import { chainIn } from "../support/issued.ts";
import { keyRequest, proofBy } from "../support/signing-body.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { extensionValue, POISON, SCT_LIST, tbsWithoutExtension } from "../support/tbs-without-extension.ts";

/** An answer and the trusted root beside it, as clients get both, read by sigstore-js and by Node. */
let mayfly: TestService;
let trustedRoot: TrustedRoot;
beforeAll(async () => {
  mayfly = await startTestService('trust: { publicUrl: "https://ca.example.com", operator: example.com }\n');
  trustedRoot = (await ask(`${mayfly.service.publicUrl}/trust/trusted_root.json`)).body as TrustedRoot;
});
afterAll(() => mayfly.close());

interface ValidFor {
  readonly start: string;
}
/** What is looked at of a trusted root: its JSON, not what a library makes of it. */
interface TrustedRoot {
  readonly certificateAuthorities: readonly {
    readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
    readonly validFor: ValidFor;
  }[];
  readonly ctlogs: readonly {
    readonly publicKey: { readonly rawBytes: string; readonly validFor: ValidFor };
    readonly logId: { readonly keyId: string };
  }[];
}

const FULCIO = "1.3.6.1.4.1.57264.1";
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALT_NAME = "2.5.29.17";
const EXT_KEY_USAGE = "2.5.29.37";
/** DER of SEQUENCE { id-kp-codeSigning } (RFC 5280 §4.2.1.12). */
const CODE_SIGNING = "300a06082b06010505070303";

const sigstore = ({ raw }: X509Certificate): SigstoreCertificate => SigstoreCertificate.parse(Buffer.from(raw));
const hexOf = (certificate: X509Certificate, oid: string): string =>
  Buffer.from(extensionValue(certificate.raw, oid)).toString("hex");

/** The answer to a signing call: leaf, then its issuers. */
async function certify(kind: TokenKind): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const token = await mayfly.issuer.mintToken(kind);
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
    readonly email?: string;
    readonly sub: string;
  };
  const key = makeKey("ecdsa-p256");
  const body = keyRequest(key, proofBy(key, claims.email ?? claims.sub));
  const [leaf, ...issuers] = chainIn(await askForCertificate(mayfly.service.publicUrl, token, body));
  return [leaf!, ...issuers];
}

/** The log of the trusted root, and its key. */
function trustedLog(): { readonly keyId: Buffer; readonly key: KeyObject; readonly spki: Buffer } {
  const [log] = trustedRoot.ctlogs;
  const spki = Buffer.from(log!.publicKey.rawBytes, "base64");
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  return { keyId: Buffer.from(log!.logId.keyId, "base64"), key, spki };
}

/** The entry of a log, as RFC 6962 §4.6 answers with it. */
async function entryAt(index: number): Promise<{ readonly leafInput: Buffer; readonly extraData: Buffer }> {
  const url = `${mayfly.service.publicUrl}/test-log/ct/v1/get-entries?start=${String(index)}&end=${String(index)}`;
  const { entries } = (await ask(url)).body as { entries: { leaf_input: string; extra_data: string }[] };
  const [{ leaf_input: leafInput, extra_data: extraData }] = entries as [(typeof entries)[number]];
  return { leafInput: Buffer.from(leafInput, "base64"), extraData: Buffer.from(extraData, "base64") };
}

/** What follows its length in three bytes. */
const vector = (bytes: Buffer): Buffer => bytes.subarray(3, 3 + bytes.readUIntBE(0, 3));

describe.each<[TokenKind, string]>([
  ["email", "a person"],
  ["github", "a job"],
])("what clients read of the certificate of %s", (kind) => {
  let leaf: X509Certificate;
  let issuers: readonly X509Certificate[];
  let askedMs: number;
  beforeAll(async () => {
    askedMs = Date.now();
    [leaf, ...issuers] = await certify(kind);
  });

  it("[CL12] [CL27] [CL29] [CL30] has one SCT, of the trusted root's log, over the index that it carries", async () => {
    const [sct, ...others] = sigstore(leaf).extSCT!.signedCertificateTimestamps;
    expect(others).toEqual([]);
    const { keyId, key, spki } = trustedLog();
    expect([sct!.hashAlgorithm, sct!.signatureAlgorithm]).toEqual([4, 3]);
    expect(key.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(keyId).toEqual(hash("sha256", spki, "buffer"));
    expect(sct!.logID).toEqual(keyId);

    // C2SP static-ct-api: type 0, five bytes, the index.
    expect(sct!.extensions.subarray(0, 3).toString("hex")).toBe("000005");
    const { extraData } = await entryAt(sct!.extensions.readUIntBE(3, 5));
    expect(new X509Certificate(vector(extraData)).serialNumber).toBe(leaf.serialNumber);

    // PreCert of RFC 6962 §3.2, which sigstore-js puts into what is signed.
    const tbs = tbsWithoutExtension(leaf.raw, SCT_LIST);
    const length = Buffer.alloc(3);
    length.writeUIntBE(tbs.length, 0, 3);
    const issuerKeyHash = hash("sha256", sigstore(issuers[0]!).publicKey, "buffer");
    expect(sct!.verify(Buffer.concat([issuerKeyHash, length, tbs]), key)).toBe(true);
    expect(sct!.verify(Buffer.concat([issuerKeyHash, length, tbs.with(20, tbs[20]! ^ 1)]), key)).toBe(false);
  });

  it("[CL13] is its precertificate, the SCT list in place of the poison", async () => {
    const [sct] = sigstore(leaf).extSCT!.signedCertificateTimestamps;
    const { leafInput, extraData } = await entryAt(sct!.extensions.readUIntBE(3, 5));
    const tbs = Buffer.from(tbsWithoutExtension(leaf.raw, SCT_LIST));
    expect(Buffer.from(tbsWithoutExtension(vector(extraData), POISON)).equals(tbs)).toBe(true);
    // Behind version, type, time, entry type and issuer key hash.
    expect(vector(leafInput.subarray(1 + 1 + 8 + 2 + 32)).equals(tbs)).toBe(true);
  });

  it("[CL14] [CL15] is followed by the trusted root's chain, byte for byte, whose root signed itself", () => {
    const chains = trustedRoot.certificateAuthorities.map(({ certChain }) =>
      certChain.certificates.map(({ rawBytes }) => rawBytes),
    );
    expect(chains).toContainEqual(issuers.map(({ raw }) => raw.toString("base64")));
    const root = issuers.at(-1)!;
    expect([root.issuer, root.verify(root.publicKey)]).toEqual([root.subject, true]);
    expect(leaf.verify(issuers[0]!.publicKey)).toBe(true);
  });

  it("[CL19] has no subject, one critical name, one usage and one purpose, both identifiers, and is no CA", () => {
    const parsed = sigstore(leaf);
    expect(parsed.subject).toHaveLength(0);
    expect(parsed.extension(SUBJECT_ALT_NAME)!.valueObj.subs[0]!.subs).toHaveLength(1);
    expect(parsed.extension(SUBJECT_ALT_NAME)!.critical).toBe(true);
    expect([parsed.extKeyUsage!.critical, hexOf(leaf, KEY_USAGE)]).toEqual([true, "03020780"]);
    expect(hexOf(leaf, EXT_KEY_USAGE)).toBe(CODE_SIGNING);
    const [issuing] = issuers.map(sigstore);
    expect(parsed.extAuthorityKeyID!.keyIdentifier).toEqual(issuing!.extSubjectKeyID!.keyIdentifier);
    expect(parsed.extSubjectKeyID!.keyIdentifier).toHaveLength(20);
    expect([parsed.isCA, parsed.extBasicConstraints]).toEqual([false, undefined]);
  });

  it("[CL20] says its issuer twice, in raw bytes and as a UTF8String", () => {
    const issuer = Buffer.from(kind === "email" ? mayfly.issuer.url : mayfly.issuer.githubUrl);
    const length = issuer.length.toString(16).padStart(2, "0");
    expect(hexOf(leaf, `${FULCIO}.1`)).toBe(issuer.toString("hex"));
    expect(hexOf(leaf, `${FULCIO}.8`)).toBe(`0c${length}${issuer.toString("hex")}`);
  });

  it("[CL25] [CL28] is valid from before its SCT on, and its CA and log are trusted from before it", () => {
    const { datetime } = sigstore(leaf).extSCT!.signedCertificateTimestamps[0]!;
    const notBeforeMs = leaf.validFromDate.getTime();
    // A timestamp authority that knows whole seconds only.
    expect(notBeforeMs).toBeLessThanOrEqual(Math.floor(datetime.getTime() / 1000) * 1000);
    expect(notBeforeMs).toBeGreaterThanOrEqual(Math.floor(askedMs / 1000) * 1000);
    const [ca] = trustedRoot.certificateAuthorities;
    const [log] = trustedRoot.ctlogs;
    const startsMs = [log!.publicKey.validFor.start, ca!.validFor.start].map((start) => Date.parse(start));
    expect(startsMs).toEqual([...startsMs].sort((a, b) => a - b));
    expect(startsMs.at(-1)).toBeLessThanOrEqual(notBeforeMs);
  });
});

describe("what clients read of the CA", () => {
  it("[CL16] [CL17] [CL18] are certificates of ECDSA keys with the extensions of CAs, each with a name of its own", async () => {
    const [, ...issuers] = await certify("email");
    const parsed = issuers.map(sigstore);
    for (const [at, certificate] of parsed.entries()) {
      const { extBasicConstraints, extKeyUsage, extSubjectKeyID, extAuthorityKeyID } = certificate;
      expect([extBasicConstraints!.critical, extBasicConstraints!.isCA]).toEqual([true, true]);
      expect([extKeyUsage!.critical, extKeyUsage!.keyCertSign]).toEqual([true, true]);
      expect(extSubjectKeyID!.keyIdentifier).toHaveLength(20);
      const above = parsed[at + 1];
      if (above === undefined) continue;
      expect(extAuthorityKeyID!.keyIdentifier).toEqual(above.extSubjectKeyID!.keyIdentifier);
    }
    expect(hexOf(issuers[0]!, EXT_KEY_USAGE)).toBe(CODE_SIGNING);
    expect(issuers.map(({ publicKey }) => publicKey.asymmetricKeyType)).toEqual(issuers.map(() => "ec"));
    const names = issuers.map(({ subject }) => /^CN=(.+)$/mu.exec(subject)?.[1]);
    expect(names).not.toContain(undefined);
    expect(new Set(names).size).toBe(issuers.length);
  });
});

describe("what clients read of the services", () => {
  it("[CL24] [CL28] are bare origins, each with the time from which on it is trusted", async () => {
    const { body } = await ask(`${mayfly.service.publicUrl}/trust/signing_config.v0.2.json`);
    const { caUrls, oidcUrls } = body as Record<"caUrls" | "oidcUrls", { url: string; validFor: ValidFor }[]>;
    expect(caUrls.map(({ url }) => url)).toEqual([new URL(caUrls[0]!.url).origin]);
    for (const { validFor } of [...caUrls, ...oidcUrls]) expect(Date.parse(validFor.start)).toBeLessThan(Date.now());
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { leafOf, signFile } from "../../../dev/sign-file.ts";
import { verifyBundle, verifyChain } from "../../../dev/verify-bundle.ts";
import { askForCertificate } from "../ask.ts";
import { keyRequest, proofBy } from "../signing-body.ts";
import { makeKey } from "../caller-keys.ts";
import { startMayflyProcess } from "../mayfly-process.ts";
import { openssl } from "../openssl.ts";
import { ANCHORS, configText } from "../service.ts";
import { stopIssuerPrograms } from "./issuer-program.ts";

/** What OpenSSL reads in a certificate: the name, and each extension of Fulcio's whose value is a text, by its number. */
export interface ReadCertificate {
  readonly subjectAltName: string;
  /** From the last number of 1.3.6.1.4.1.57264.1.N to the text, without the two octets that DER has before it. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** How a token was refused. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** Of the header field Retry-After. */
  readonly retryAfterSeconds: number | undefined;
}

/** A Mayfly in a process of its own that trusts what the test says, and Sigstore's client in front of it. */
export interface IssuerLab {
  /**
   * Signs a file with Sigstore's client and this token, holds certificate, SCT and identity to what Sigstore's verifier and
   * Node's parser say, and reads the certificate by OpenSSL.
   */
  readonly sign: (token: string, identity: string) => Promise<ReadCertificate>;
  /** Asks for a certificate that must not be given. */
  readonly refusal: (token: string) => Promise<Refusal>;
  /** {@link refusal} whose caller comes back when it was told to, until there is a certificate; how often it came. */
  readonly askUntilGranted: (token: () => Promise<string>, challenge: string) => Promise<number>;
  readonly close: () => Promise<void>;
}

const MOST_ATTEMPTS = 20;

/** @param entries of the configuration's `issuers`, as YAML in one line each */
export async function openIssuerLab(entries: readonly string[]): Promise<IssuerLab> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-issuers-"));
  const configFile = join(folder, "mayfly.yaml");
  const nobody = { url: "http://127.0.0.1:1", githubUrl: "http://127.0.0.1:1/github" };
  const text = configText(nobody, join(folder, "data")).replace(
    /^issuers:\n(?: {2}.*\n)+/mu,
    () => `issuers:\n${entries.map((entry) => `  - ${entry}\n`).join("")}`,
  );
  writeFileSync(configFile, text);
  const mayfly = startMayflyProcess({ configFile });
  const close = async (): Promise<void> => {
    mayfly.signal("SIGTERM");
    await mayfly.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const { fields = {} } = await mayfly.line("ready").catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const url = fields["publicUrl"]!;
  const artifact = join(folder, "artifact");
  writeFileSync(artifact, "what is signed\n");
  return {
    sign: async (token, identity) => {
      const signed = await signFile(artifact, url, () => Promise.resolve(token));
      verifyBundle(signed, ANCHORS, identity);
      const leaf = leafOf(signed.bundle);
      verifyChain(leaf, ANCHORS);
      return readByOpenssl(leaf);
    },
    refusal: async (token) => {
      const { status, headers, body, text: said } = await askForCertificate(url, token);
      const reason = reasonIn(body);
      if (status < 400 || reason === undefined) throw new Error(`not refused: ${String(status)} ${said}`);
      const wait = headers["retry-after"];
      return { status, reason, retryAfterSeconds: wait === undefined ? undefined : Number(wait) };
    },
    askUntilGranted: async (token, challenge) => {
      for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
        const key = makeKey("ecdsa-p256");
        const {
          status,
          headers,
          text: said,
        } = await askForCertificate(url, await token(), keyRequest(key, proofBy(key, challenge)));
        if (status === 200) return attempt;
        if (status !== 503) throw new Error(`refused for good: ${String(status)} ${said}`);
        await pause(Number(headers["retry-after"]) * 1000);
      }
      throw new Error(`no certificate after ${String(MOST_ATTEMPTS)} attempts`);
    },
    close,
  };
}

/** Ends what a test of a real issuer has started, however far it came. */
export async function endIssuerTest(lab: IssuerLab | undefined, folder: string): Promise<void> {
  await Promise.allSettled([lab?.close(), stopIssuerPrograms()]);
  rmSync(folder, { recursive: true, force: true });
}

/** `google.rpc.ErrorInfo.reason` of a refusal's body. */
function reasonIn(body: unknown): string | undefined {
  return (body as { readonly details?: readonly { readonly reason: string }[] } | undefined)?.details?.[0]?.reason;
}

function readByOpenssl(der: Uint8Array): ReadCertificate {
  const subjectAltName = openssl(["x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], der)
    .split("\n")
    .slice(1)
    .join("\n")
    .trim();
  const text = openssl(["x509", "-inform", "DER", "-noout", "-text"], der);
  const found = text.matchAll(/^ *1\.3\.6\.1\.4\.1\.57264\.1\.(\d+): \n *(.*)$/gmu);
  const extensions = Object.fromEntries(
    Array.from(found, ([, number = "", value = ""]) => [number, Number(number) < 7 ? value : value.slice(2)] as const),
  );
  return { subjectAltName, extensions };
}

/** The token with another letter in the middle of its signature. */
export function tamperedSignature(token: string): string {
  const at = token.lastIndexOf(".") + 10;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

/** The token with other claims and the signature that it had. */
export function tamperedClaims(token: string, changes: Readonly<Record<string, unknown>>): string {
  const [header = "", , signature = ""] = token.split(".");
  const payload = Buffer.from(JSON.stringify({ ...claimsIn(token), ...changes })).toString("base64url");
  return `${header}.${payload}.${signature}`;
}

/** What a token says, whoever signed it. */
export function claimsIn(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

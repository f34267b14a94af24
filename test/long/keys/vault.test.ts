import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../../src/adapters/clock/system-clock.ts";
import { signRequestFor } from "../../../src/adapters/signers/remote/remote-key.ts";
import { openVaultKey, type VaultKeyOptions } from "../../../src/adapters/signers/vault/vault-key.ts";
import type { SignatureAlgorithm } from "../../../src/core/certificate/algorithms.ts";
import { describeRemoteKey } from "../../contracts/remote-key.ts";
import { whatIsMissing } from "../../support/clients/installation.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { OPEN_BAO } from "../../support/issuers/open-bao.ts";
import { itWhen } from "../../support/it-when.ts";
import { startMisbehavingProxy, type MisbehavingProxy, type ProxyFault } from "../../support/keys/misbehaving-proxy.ts";
import { startRemoteMayfly, type RemoteMayfly } from "../../support/keys/remote-mayfly.ts";
import { startTransitLab, type TransitLab } from "../../support/keys/transit-lab.ts";

const missing = whatIsMissing(OPEN_BAO);
const [itWithBao, skipped] = itWhen(missing === undefined, missing ?? "");
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-pkcs1-sha256",
  "ed25519",
];
const SERVICE_FAULTS = ["key-deleted", "version-retired", "policy-taken-away", "token-revoked"] as const;

/** What the real server can be brought to, and what the line to it can do. */
type Fault = ProxyFault | (typeof SERVICE_FAULTS)[number];

if (!("whyNot" in OPEN_BAO)) recordVersion("OpenBao", OPEN_BAO.version);

const optionsFor = (lab: TransitLab, address: string, key: string): VaultKeyOptions => ({
  address,
  mount: "transit",
  key,
  version: 1,
  credentials: { kind: "app-role", mount: "approle", roleId: lab.roleId, readSecretId: () => lab.secretId },
});

/** Brings the server to a fault, and gives what undoes it. */
async function bringAbout(
  lab: TransitLab,
  key: string,
  fault: (typeof SERVICE_FAULTS)[number],
): Promise<() => Promise<unknown>> {
  switch (fault) {
    case "version-retired":
      await lab.call(`POST transit/keys/${key}/rotate`);
      await lab.call(`POST transit/keys/${key}/config`, { min_encryption_version: 2 });
      return () => lab.call(`POST transit/keys/${key}/config`, { min_encryption_version: 0 });
    case "policy-taken-away": {
      const { data } = (await lab.call("GET sys/policies/acl/mayfly")) as { data: { policy: string } };
      await lab.call("PUT sys/policies/acl/mayfly", { policy: 'path "none" { capabilities = ["read"] }' });
      return () => lab.call("PUT sys/policies/acl/mayfly", { policy: data.policy });
    }
    case "token-revoked":
      await lab.call("POST sys/leases/revoke-prefix/auth/approle", {});
      return () => Promise.resolve();
    case "key-deleted": {
      await lab.call(`POST transit/keys/${key}/config`, {
        deletion_allowed: true,
        exportable: true,
        allow_plaintext_backup: true,
      });
      const { data } = (await lab.call(`GET transit/backup/${key}`)) as { data: { backup: string } };
      await lab.call(`DELETE transit/keys/${key}`);
      return () => lab.call(`POST transit/restore/${key}`, { backup: data.backup });
    }
  }
}

if (missing === undefined) {
  describeRemoteKey<Fault>("a key of a real OpenBao", {
    algorithms: ALGORITHMS,
    faults: {
      hang: "timeout",
      reset: "unavailable",
      "status-429": "quota",
      "status-500": "unavailable",
      "truncated-answer": "wrong-answer",
      "not-json": "wrong-answer",
      "key-deleted": "key-unusable",
      "version-retired": "key-unusable",
      "policy-taken-away": "credentials",
      "token-revoked": "credentials",
    },
    lies: ["flipped-signature", "replayed-signature"],
    silent: "hang",
    start: async () => {
      const lab = await startTransitLab();
      const proxy = await startMisbehavingProxy(lab.address);
      const keys = new Map<SignatureAlgorithm, string>();
      for (const algorithm of ALGORITHMS) keys.set(algorithm, await lab.makeKey(algorithm, "contract"));
      let undo = (): Promise<unknown> => Promise.resolve();
      return {
        open: (algorithm) =>
          Promise.resolve(
            openVaultKey(optionsFor(lab, proxy.address, keys.get(algorithm)!), { name: "bao key", clock: systemClock }),
          ),
        misbehave: async (fault) => {
          await undo();
          undo = () => Promise.resolve();
          const ofServer = SERVICE_FAULTS.find((one) => one === fault);
          proxy.misbehave(ofServer === undefined ? (fault as ProxyFault | undefined) : undefined, "/transit/");
          if (ofServer !== undefined) undo = await bringAbout(lab, keys.get("ecdsa-p256-sha256")!, ofServer);
        },
        rotate: async (algorithm) => {
          await lab.call(`POST transit/keys/${keys.get(algorithm)!}/rotate`);
        },
        secrets: () => [lab.secretId, "root"],
        close: async () => {
          await proxy.close();
          await lab.close();
        },
      };
    },
  });
}

describe("a Mayfly whose keys are in a real OpenBao", () => {
  let lab: TransitLab;
  let proxy: MisbehavingProxy;
  const opened: RemoteMayfly[] = [];
  beforeAll(async () => {
    if (missing !== undefined) return;
    lab = await startTransitLab();
    proxy = await startMisbehavingProxy(lab.address);
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    for (const mayfly of opened) await mayfly.close();
    await proxy.close();
    await lab.close();
  });

  const signer = (key: string, more = ""): string =>
    `{ kind: vault, address: "${proxy.address}", key: ${key}, version: 1, ` +
    `auth: { kind: app-role, roleId: ${lab.roleId}, secretId: { env: SECRET_ID } }${more} }`;

  async function startMayfly(ca: SignatureAlgorithm, more = ""): Promise<RemoteMayfly> {
    const use = `mayfly${String(opened.length)}`;
    const signers = {
      ca: signer(await lab.makeKey(ca, `${use}-ca`), more),
      log: signer(await lab.makeKey("ecdsa-p256-sha256", `${use}-log`)),
      checkpoint: signer(await lab.makeKey("ed25519", `${use}-checkpoint`)),
    };
    const mayfly = await startRemoteMayfly(signers, { env: { SECRET_ID: lab.secretId } });
    opened.push(mayfly);
    return mayfly;
  }

  itWithBao.each<[SignatureAlgorithm]>([
    ["ecdsa-p256-sha256"],
    ["ecdsa-p384-sha384"],
    ["ecdsa-p521-sha512"],
    ["rsa-pkcs1-sha256"],
  ])(
    `issues what Sigstore's client verifies, with a CA of %s and both keys of the log there${skipped}`,
    async (algorithm) => {
      const mayfly = await startMayfly(algorithm);
      for (let count = 0; count < 5; count++) await mayfly.sign();
      expect(await mayfly.treeSize()).toBe(5);
      recordEvidence(
        `OpenBao, CA ${algorithm}, log P-256, checkpoints Ed25519: 5 files signed, all accepted by @sigstore/verify`,
      );
    },
  );

  itWithBao(`issues many at once, never more calls at a time than may be${skipped}`, async () => {
    const mayfly = await startMayfly("ecdsa-p256-sha256", ", requestsInFlight: 8");
    const answers = await Promise.all(Array.from({ length: 96 }, () => mayfly.request()));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    const granted = statuses.filter((status) => status === 200).length;
    expect(granted).toBeGreaterThan(20);
    expect(answers.filter(({ status, headers }) => status === 503 && !("retry-after" in headers))).toEqual([]);
    const treeSize = await mayfly.treeSize();
    expect(treeSize).toBeGreaterThanOrEqual(granted);
    recordEvidence(
      `OpenBao, 96 callers at once, 8 calls at a time: ${String(granted)} certificates, ${String(96 - granted)} told 503 with Retry-After, ${String(treeSize)} entries`,
    );
  });

  itWithBao(
    `signs on with the pinned version when its key is rotated, and says when that version is retired${skipped}`,
    async () => {
      const mayfly = await startMayfly("ecdsa-p256-sha256");
      const key = `mayfly${String(opened.length - 1)}-ca-ecdsa-p256`;
      await lab.call(`POST transit/keys/${key}/rotate`);
      await mayfly.sign();
      await lab.call(`POST transit/keys/${key}/config`, { min_encryption_version: 2 });
      const refused = await mayfly.request();
      expect(refused).toMatchObject({ status: 500, body: { details: [{ reason: "SIGNER_KEY_UNUSABLE" }] } });
      await lab.call(`POST transit/keys/${key}/config`, { min_encryption_version: 0 });
      await untilGranted(mayfly);
      recordEvidence(
        "OpenBao, key rotated: the pinned version signs on; retired: 500 SIGNER_KEY_UNUSABLE; undone: heals by itself",
      );
    },
  );

  itWithBao(`survives a server that stands still${skipped}`, async () => {
    const mayfly = await startMayfly("ecdsa-p256-sha256");
    lab.program().freeze();
    const startedMs = performance.now();
    const hung = await mayfly.request();
    expect(hung.status).toBe(503);
    expect(performance.now() - startedMs).toBeLessThan(6_000);
    lab.program().thaw();
    await untilGranted(mayfly);
    recordEvidence("OpenBao stopped by a signal: 503 within the deadline; continued: heals by itself");
  });

  itWithBao(`renews a token that ends, without a caller's noticing${skipped}`, async () => {
    const key = await lab.makeKey("ecdsa-p256-sha256", "short");
    let token = await lab.token("2s");
    const remote = openVaultKey(
      { ...optionsFor(lab, lab.address, key), credentials: { kind: "token", readToken: () => token } },
      { name: "bao key", clock: systemClock },
    );
    const request = signRequestFor("ecdsa-p256-sha256", new TextEncoder().encode("tbs"));
    const sign = (): Promise<Uint8Array> => remote.sign(request, AbortSignal.timeout(5_000));
    await sign();
    token = await lab.token("10s");
    await pause(2_500);
    expect(await sign()).toBeInstanceOf(Uint8Array);
    await remote.close();
    recordEvidence("OpenBao, a token of 2 s in a file that an agent writes again: read again before it ends");
  });
});

/** Until there is a certificate again: a key that failed is tried every five seconds. */
async function untilGranted(mayfly: RemoteMayfly): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while ((await mayfly.request()).status !== 200) {
    if (performance.now() > untilMs) throw new Error("no certificate again within 20 s");
    await pause(250);
  }
}

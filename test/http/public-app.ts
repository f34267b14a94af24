import { createServer } from "node:http";
import type { IssueCertificate, IssuedCertificate, SigningRequest } from "../../src/core/issuance-types.ts";
import type { Generation } from "../../src/issuance/generation.ts";
import type { RequestEvent } from "../../src/ports/telemetry.ts";
import { makeAdmission } from "../../src/entrance/admission.ts";
import type { Admission } from "../../src/entrance/admission.ts";
import { UNLIMITED } from "../../src/adapters/limits/open-rate-limits.ts";
import { makeClientAddress } from "../../src/entrance/client-address.ts";
import { makePublicApp } from "../../src/http/app.ts";
import type { PublicAppDeps } from "../../src/http/app.ts";
import type { ExchangeDeps } from "../../src/http/exchange.ts";

/** What the issuance of a {@link Rig} gives unless a test says otherwise. */
export const ISSUED: IssuedCertificate = {
  leaf: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x07),
  chainPem: [
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----",
  ],
  sct: {
    logId: new Uint8Array(32),
    timestampMs: 1_795_000_000_000,
    extensions: new Uint8Array(0),
    leafIndex: 41,
    signature: new Uint8Array(8),
  },
  serialNumber: Uint8Array.from({ length: 20 }, (_, at) => at + 1),
  logIndex: 41,
};

/** A public app whose issuance is a function of the test, with everything it was asked and told. */
export interface Rig {
  readonly listener: ReturnType<typeof makePublicApp>;
  readonly admission: Admission;
  /** What requests, and what never became one, are recorded with. */
  readonly exchange: ExchangeDeps;
  /** What issuance was asked for. */
  readonly requests: SigningRequest[];
  /** What telemetry was told. */
  readonly events: RequestEvent[];
  /** Resolves when telemetry has been told of `count` requests. */
  readonly recorded: (count: number) => Promise<void>;
  generation: Generation;
}

/** Makes a rig. */
export function makeRig(
  issue: IssueCertificate = () => Promise.resolve(ISSUED),
  overrides: Partial<PublicAppDeps> = {},
): Rig {
  const requests: SigningRequest[] = [];
  const events: RequestEvent[] = [];
  const waiting: { count: number; wake: () => void }[] = [];
  const admission = overrides.admission ?? makeAdmission();
  const generation: Generation = {
    number: 1,
    issueCertificate: (request, signal) => {
      requests.push(request);
      return issue(request, signal);
    },
    issuers: [
      {
        url: "https://accounts.example.com",
        audience: "sigstore",
        identity: { kind: "email", emailTrust: "verified" },
      },
      {
        url: "https://*.tenants.example.com",
        pattern: "https://*.tenants.example.com",
        audience: "tenants",
        identity: { kind: "email", emailTrust: "verified" },
      },
    ],
    trustBundle: [ISSUED.chainPem],
  };
  let ids = 0;
  let ticks = 0;
  const exchange: ExchangeDeps = {
    clock: { now: () => 1_795_000_000_000, monotonic: () => ++ticks },
    requestId: () => `own-${++ids}`,
    telemetry: {
      request: (event) => {
        events.push(event);
        for (const { count, wake } of waiting) if (events.length >= count) wake();
      },
    },
  };
  const rig: Rig = {
    listener: makePublicApp({
      generation: () => rig.generation,
      admission,
      rateLimits: { signing: UNLIMITED, failedTokens: UNLIMITED, reads: UNLIMITED },
      clientAddress: makeClientAddress([]),
      ...exchange,
      ...overrides,
    }),
    admission,
    exchange,
    requests,
    events,
    recorded: (count) =>
      events.length >= count
        ? Promise.resolve()
        : new Promise((wake) => {
            waiting.push({ count, wake });
          }),
    generation,
  };
  return rig;
}

/** A server of Node's around a listener, for supertest; nothing of Mayfly's own server is in it. */
export const bare = (rig: Rig) => createServer(rig.listener);

import { fromJsonString, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { MayflyError } from "../../src/core/errors.ts";
import { CA } from "../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import type { AuditRecord } from "../../src/ports/audit-trail.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { makeGate } from "../support/held-calls.ts";
import { keyRequest } from "../support/signing-body.ts";
import { openWholeApp } from "../support/whole-app.ts";
import type { WholeApp, WholeAppOptions } from "../support/whole-app.ts";

let app: WholeApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

/** Lets the event loop turn until something holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 100_000) throw new Error("it never came to hold");
    await new Promise(setImmediate);
  }
}

/** A store that does something before each append. */
const storeThat =
  (first: () => void | Promise<void>) =>
  (store: LogStore): LogStore => ({
    manifest: () => store.manifest(),
    head: () => store.head(),
    published: () => store.published(),
    snapshot: () => store.snapshot(),
    snapshotAt: (checkpoint) => store.snapshotAt(checkpoint),
    indexOfSubmission: (sha256) => store.indexOfSubmission(sha256),
    publish: (checkpoint) => store.publish(checkpoint),
    freeze: (final) => store.freeze(final),
    close: () => store.close(),
    append: async (build) => {
      await first();
      return store.append(build);
    },
  });

/** Asks for a certificate, and gives the way to go before it is there. */
type AskAndLeave = (whole: WholeApp) => Promise<() => void>;

const bodyOf = async (whole: WholeApp): Promise<string> =>
  JSON.stringify({ credentials: { oidcIdentityToken: await whole.token() }, ...keyRequest() });

const LEAVING: readonly (readonly [entrance: string, AskAndLeave])[] = [
  [
    "a connection of HTTP that breaks",
    async (whole) => {
      const body = await bodyOf(whole);
      const socket = connect({ port: Number(new URL(whole.url).port), host: "127.0.0.1" });
      await once(socket, "connect");
      socket.write(`POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return () => {
        socket.resetAndDestroy();
      };
    },
  ],
  [
    "a call of gRPC that is cancelled",
    async (whole) => {
      const { input, parent, name } = CA.method.createSigningCertificate;
      const client = new Client(new URL(whole.url).host, credentials.createInsecure());
      const message = toBinary(input, fromJsonString(input, await bodyOf(whole)));
      const asItIs = (bytes: Buffer): Buffer => bytes;
      const path = `/${parent.typeName}/${name}`;
      const call = client.makeUnaryRequest(path, asItIs, asItIs, Buffer.from(message), () => {
        client.close();
      });
      return () => {
        call.cancel();
      };
    },
  ],
];

describe("issuance as it is composed for a service", () => {
  type Hold = () => Promise<void>;
  const STAGES: readonly (readonly [
    stage: string,
    hold: (hold: Hold) => WholeAppOptions,
    used: { readonly signatures: number; readonly entries: number },
    records: readonly AuditRecord["kind"][],
  ])[] = [
    [
      "its token is verified",
      (hold) => ({
        wrapVerifier: (verify) => async (idToken, nowMs) => {
          const verified = await verify(idToken, nowMs);
          await hold();
          return verified;
        },
      }),
      { signatures: 0, entries: 0 },
      ["outcome"],
    ],
    [
      "the CA makes its first signature",
      (hold) => ({
        wrapCaSigner: (signer) => ({
          ...signer,
          sign: async (message) => {
            const signature = await signer.sign(message);
            await hold();
            return signature;
          },
        }),
      }),
      // What the CA has signed is logged, whoever still waits for it.
      { signatures: 1, entries: 1 },
      ["intent", "outcome"],
    ],
    [
      "the log commits",
      (hold) => ({
        wrapStore: storeThat(hold),
      }),
      { signatures: 1, entries: 1 },
      ["intent", "outcome"],
    ],
  ];

  it.each(STAGES.flatMap((stage) => LEAVING.map(([entrance, leave]) => [stage[0], entrance, stage, leave] as const)))(
    "[A32] [C7] begins nothing more for a caller that goes away while %s: %s",
    async (_says, _entrance, [, holding, ...then], askAndLeave) => {
      const [used, records] = then;
      const reached = Promise.withResolvers<undefined>();
      const gate = makeGate();
      const whole = await openWholeApp(
        holding(() => {
          reached.resolve(undefined);
          return gate.pass();
        }),
      );
      app = whole;
      const leave = await askAndLeave(whole);
      await reached.promise;
      leave();
      await until(() => whole.telemetry.requests.some(({ status }) => status === 499));
      gate.open();
      await until(() => whole.telemetry.issuances.length === 1);
      expect({ signatures: whole.caSignatures(), entries: await whole.treeSize() }).toEqual(used);
      expect(whole.audit.records.map(({ kind }) => kind)).toEqual(records);
      expect(whole.audit.records.at(-1)).toMatchObject({ result: "refused", code: "canceled", reason: "CALLER_GONE" });
      expect((await whole.send(keyRequest())).status).toBe(200);
    },
  );

  it("records no more of what anybody can bring about than the bound of the trail", async () => {
    const whole = await openWholeApp();
    app = whole;
    const token = await whole.token();
    // Nobody needs a valid token to name an issuer that is away.
    const unsigned = `${token.slice(0, token.lastIndexOf(".") + 1)}${"A".repeat(86)}`;
    await whole.issuer.close();
    const body = keyRequest();
    for (let round = 0; round < 22; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => whole.send(body, unsigned)));
      for (const { status } of answers) expect(status).toBe(503);
    }
    const results = whole.telemetry.issuances.map(({ outcome }) => outcome.result);
    expect(results).toEqual(Array.from({ length: 1_100 }, () => "failed"));
    expect(whole.audit.records).toHaveLength(1_000);
    expect(whole.telemetry.unrecordedOutcomes).toBe(100);
  });

  describe("where the log is known to refuse", () => {
    /** Sends calls one after the other, and tells what they were refused with and how often the CA key signed. */
    const refusals = async (whole: WholeApp, calls = 20): Promise<{ reasons: Set<unknown>; signatures: number }> => {
      const before = whole.caSignatures();
      const [body, token] = [keyRequest(), await whole.token()];
      const reasons = new Set<unknown>();
      for (let call = 0; call < calls; call++) {
        const { text } = await whole.send(body, token);
        reasons.add(/"reason":"(\w+)"/u.exec(text)?.[1]);
      }
      return { reasons, signatures: whole.caSignatures() - before };
    };

    it.each([
      ["back", -600_000],
      ["forward by little", 20_000],
      ["forward by two hours", 7_200_000],
    ])("signs nothing while its clock was set %s", async (_way, byMs) => {
      app = await openWholeApp();
      expect((await app.send(keyRequest())).status).toBe(200);
      app.clock.step(byMs);
      expect(await refusals(app)).toEqual({ reasons: new Set(["LOG_CLOCK"]), signatures: 0 });
      expect(app.audit.records.filter(({ kind }) => kind === "intent")).toHaveLength(1);
      expect(await app.treeSize()).toBe(1);
    });

    it("signs nothing while a batch hangs, or more waits than may", async () => {
      const gate = makeGate();
      const reached = Promise.withResolvers<undefined>();
      const whole = await openWholeApp({
        maxPending: 1,
        wrapStore: storeThat(async () => {
          reached.resolve(undefined);
          await gate.pass();
        }),
      });
      app = whole;
      const hanging = [whole.send(keyRequest())];
      await reached.promise;
      hanging.push(whole.send(keyRequest()));
      await until(() => whole.caSignatures() === 2);
      expect(await refusals(whole)).toEqual({ reasons: new Set(["LOG_QUEUE_FULL"]), signatures: 0 });
      whole.clock.advance(2_001);
      expect(await refusals(whole)).toEqual({ reasons: new Set(["LOG_TIMEOUT"]), signatures: 0 });
      gate.open();
      expect((await Promise.all(hanging)).map(({ status }) => status)).toEqual([200, 200]);
    });

    it("lets one caller a second find out whether a full disk has room again", async () => {
      let full = false;
      const full503 = { reasons: new Set(["LOG_DISK_FULL"]), signatures: 1 };
      app = await openWholeApp({
        wrapStore: storeThat(() => {
          if (full) throw new MayflyError("LOG_DISK_FULL", "made by a test");
        }),
      });
      full = true;
      // The first call is how it becomes known.
      expect(await refusals(app, 1)).toEqual(full503);
      for (let second = 0; second < 3; second++) {
        expect(await refusals(app)).toEqual(full503);
        app.clock.advance(1_000);
      }
      full = false;
      expect(await refusals(app)).toEqual({ reasons: new Set([undefined]), signatures: 40 });
    });
  });
});

import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { AuditRecord } from "../../src/ports/audit-trail.ts";
import { makeGate } from "../support/held-calls.ts";
import { keyRequest, openWholeApp } from "../support/whole-app.ts";
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
        wrapStore: (store) =>
          new Proxy(store, {
            get: (target, name) => {
              if (name === "append") {
                return async (build: Parameters<typeof store.append>[0]) => {
                  await hold();
                  return target.append(build);
                };
              }
              const value: unknown = Reflect.get(target, name);
              return typeof value === "function" ? (value.bind(target) as unknown) : value;
            },
          }),
      }),
      { signatures: 1, entries: 1 },
      ["intent", "outcome"],
    ],
  ];

  it.each(STAGES)(
    "[A32] begins nothing more for a caller that goes away while %s",
    async (_stage, holding, ...then) => {
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
      const body = JSON.stringify({ credentials: { oidcIdentityToken: await whole.token() }, ...keyRequest() });
      const socket = connect({ port: Number(new URL(whole.url).port), host: "127.0.0.1" });
      await once(socket, "connect");
      socket.write(`POST /api/v2/signingCert HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await reached.promise;
      socket.resetAndDestroy();
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
});

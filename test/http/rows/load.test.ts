import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "@jest/globals";
import { askForCertificate } from "../../support/ask.ts";
import { expectTold } from "../../support/expect-refusal.ts";
import { answersOf, heldAt, makeGate } from "../../support/held-calls.ts";
import { startTestService } from "../../support/service.ts";
import type { TestService } from "../../support/service.ts";
import { keyRequest } from "../../support/signing-body.ts";
import { openWholeApp } from "../../support/whole-app.ts";

let mayfly: TestService | undefined;
afterEach(async () => {
  await mayfly?.close();
  mayfly = undefined;
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("load", () => {
  it("[S1] beyond what there are places for is told to come again, and the places stay in use", async () => {
    let gate = makeGate();
    const app = await openWholeApp({
      maxInFlight: 4,
      wrapVerifier:
        (verify) =>
        (...given) =>
          heldAt(gate, verify)(...given),
    });
    const token = await app.token();
    const body = keyRequest();
    const heaps: number[] = [];
    for (let wave = 1; wave <= 10; wave++) {
      const calls = Array.from({ length: 40 }, () => app.send(body, token));
      const answers = await answersOf(calls, { held: 4, whenTheyAre: gate.open });
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused).toHaveLength(36);
      for (const answer of refused) expectTold(answer, "TOO_MANY_REQUESTS_IN_FLIGHT");
      expect(await app.treeSize()).toBe(4 * wave);
      gate = makeGate();
      collectGarbage();
      heaps.push(process.memoryUsage().heapUsed);
    }
    // 180 refusals later: 10 KiB for each would show.
    expect(heaps[9]! - heaps[4]!).toBeLessThan(180 * 10 * 1024);
    await app.close();
  });

  it("[S4] of one identity at 100 requests a second is limited, and nobody else's is", async () => {
    const app = await openWholeApp({ rates: { signing: { perSecond: 1_000, burst: 1_000 } } });
    const body = keyRequest();
    const token = await app.token({ sub: "a busy one" });
    const answers = await Promise.all(Array.from({ length: 100 }, () => app.send(body, token)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(50);
    for (const answer of refused) expectTold(answer, "RATE_LIMITED_SUBJECT");
    expect((await app.send(body, await app.token({ sub: "another" }))).status).toBe(200);
    app.clock.advance(1_000);
    const next = await Promise.all(Array.from({ length: 10 }, () => app.send(body, token)));
    expect(next.filter(({ status }) => status === 200)).toHaveLength(5);
    await app.close();
  });

  it("[S2] of connections that come and go leaves callers and operators served", async () => {
    mayfly = await startTestService();
    const { publicUrl, operationsUrl } = mayfly.service;
    const port = Number(new URL(publicUrl).port);
    for (let wave = 0; wave < 8; wave++) {
      const sockets = Array.from({ length: 250 }, () => connect({ port, host: "127.0.0.1" }));
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      const answers = [globalThis.fetch(`${operationsUrl}/readyz`), globalThis.fetch(`${publicUrl}/healthz`)];
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
      for (const socket of sockets) socket.destroy();
    }
    expect((await globalThis.fetch(`${publicUrl}/api/v2/trustBundle`)).status).toBe(200);
  });

  it("[S7] that lasts leaves neither descriptors nor memory behind", async () => {
    mayfly = await startTestService();
    const { publicUrl } = mayfly.service;
    const token = await mayfly.issuer.mintToken("email");
    const body = keyRequest();
    const issue = async (count: number): Promise<{ heap: number; descriptors: number }> => {
      for (let n = 0; n < count; n++) {
        expect((await askForCertificate(publicUrl, token, body)).status).toBe(200);
      }
      collectGarbage();
      return { heap: process.memoryUsage().heapUsed, descriptors: readdirSync("/proc/self/fd").length };
    };
    const before = await issue(150);
    const after = await issue(200);
    expect(after.descriptors - before.descriptors).toBeLessThan(5);
    // 10 KiB a certificate: less than any of them, with its chain, would take.
    expect(after.heap - before.heap).toBeLessThan(200 * 10 * 1024);
  });
});

import { afterEach, describe, expect, it } from "@jest/globals";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import request from "supertest";
import { dataPaths } from "../../src/compose/data-paths.ts";
import { openLogSigners } from "../../src/compose/open-log-signers.ts";
import { activeShard } from "../../src/config/active-shard.ts";
import { makeTreeHeadCheckpointSigner } from "../../src/ctlog/tree-head-checkpoint-signer.ts";
import { makeEd25519CheckpointSigner } from "../../src/tlog/ed25519-checkpoint-signer.ts";
import { signCheckpoint } from "../../src/tlog/sign-checkpoint.ts";
import { askForCertificate } from "../support/ask.ts";
import { reasonOf } from "../support/caller-keys.ts";
import { startTestService } from "../support/service.ts";
import type { TestService } from "../support/service.ts";
import { keyRequest } from "../support/signing-body.ts";
import type { SigningBody } from "../support/signing-body.ts";

const opened: TestService[] = [];

async function startOne(): Promise<TestService> {
  const mayfly = await startTestService();
  opened.push(mayfly);
  return mayfly;
}

afterEach(async () => {
  for (const mayfly of opened.splice(0)) await mayfly.close();
});

async function signingCall(mayfly: TestService): Promise<{ readonly token: string; readonly body: SigningBody }> {
  return { token: await mayfly.issuer.mintToken("email"), body: keyRequest() };
}

async function issue(mayfly: TestService): Promise<number> {
  const { token, body } = await signingCall(mayfly);
  return (await askForCertificate(mayfly.service.publicUrl, token, body)).status;
}

async function treeSize(mayfly: TestService): Promise<number> {
  const answer = await request(mayfly.service.publicUrl).get("/test-log/checkpoint");
  return Number(answer.text.split("\n")[1]);
}

describe("a restart", () => {
  it("goes on where the log was, with exit code 0", async () => {
    const first = await startOne();
    expect(await issue(first)).toBe(200);
    expect(await issue(first)).toBe(200);
    expect(await first.stop()).toBe(0);
    const second = await first.restart();
    opened.push(second);
    expect(await treeSize(second)).toBe(2);
    expect(await issue(second)).toBe(200);
    expect(await treeSize(second)).toBe(3);
  });

  it("answers what was admitted before it, and refuses what comes after", async () => {
    const mayfly = await startOne();
    await issue(mayfly);
    const calls = await Promise.all(Array.from({ length: 12 }, () => signingCall(mayfly)));
    const answers = calls.map(({ token, body }) =>
      request(mayfly.service.publicUrl)
        .post("/api/v2/signingCert")
        .set("Authorization", `Bearer ${token}`)
        .send(body)
        .then(
          ({ status }) => status,
          () => 0,
        ),
    );
    const first = await Promise.race(answers);
    expect(first).toBe(200);
    const [exitCode, statuses] = await Promise.all([mayfly.stop(), Promise.all(answers)]);
    expect(exitCode).toBe(0);
    const answered = statuses.filter((status) => status === 200).length;
    const second = await mayfly.restart();
    opened.push(second);
    // No certificate that reached its caller is missing, and none was cut off after it was logged.
    expect(await treeSize(second)).toBe(answered + 1);
    expect(statuses.every((status) => [200, 503, 0].includes(status))).toBe(true);
  });
});

/** A checkpoint that the log's own keys signed. */
async function signedNote(
  config: TestService["config"],
  tree: { readonly size: number; readonly root: Uint8Array },
): Promise<string> {
  const options = { env: {}, development: true, onMismatch: () => undefined };
  const shard = activeShard(config);
  const { log, checkpoint } = await openLogSigners(shard, options);
  const { origin } = shard;
  const signers = [makeTreeHeadCheckpointSigner(origin, log), makeEd25519CheckpointSigner(origin, checkpoint)];
  return (await signCheckpoint({ origin, ...tree, timestampMs: Date.now() }, signers)).note;
}

describe("a start refuses", () => {
  /** Issues one certificate, changes the data folder, and tells why the next start refuses. */
  async function restartAfter(change: (paths: ReturnType<typeof dataPaths>) => void): Promise<string> {
    const mayfly = await startOne();
    await issue(mayfly);
    await mayfly.stop();
    change(dataPaths(mayfly.config));
    return reasonOf(() => mayfly.restart());
  }

  /** A service that has stopped, over a database from before its last certificate. */
  async function putBackOlderDatabase(): Promise<TestService> {
    const mayfly = await startOne();
    await issue(mayfly);
    await mayfly.stop();
    const { database } = dataPaths(mayfly.config);
    copyFileSync(database, `${database}.copy`);
    const second = await mayfly.restart();
    opened.push(second);
    await issue(second);
    await second.stop();
    copyFileSync(`${database}.copy`, database);
    return second;
  }

  it("a database that was put back to an older state", async () => {
    const second = await putBackOlderDatabase();
    expect(await reasonOf(() => second.restart())).toBe("LOG_ROLLED_BACK");
  });

  it("an older database even when the head mark is gone, by what the audit trail says was answered", async () => {
    const second = await putBackOlderDatabase();
    rmSync(dataPaths(second.config).headMark);
    expect(await reasonOf(() => second.restart())).toBe("LOG_ROLLED_BACK");
  });

  it("to make a new log where traces of a lost one are", async () => {
    expect(
      await restartAfter(({ database }) => {
        rmSync(database);
      }),
    ).toBe("LOG_ROLLED_BACK");
  });

  it("a head mark that this log did not sign", async () => {
    expect(
      await restartAfter(({ headMark }) => {
        const note = readFileSync(headMark, "utf8").split("\n");
        note[2] = Buffer.alloc(32, 1).toString("base64");
        writeFileSync(headMark, note.join("\n"));
      }),
    ).toBe("LOG_CORRUPT");
  });

  it("a head mark of another history every time, although the checkpoint to compare it with was lost", async () => {
    const mayfly = await startOne();
    await issue(mayfly);
    await issue(mayfly);
    await mayfly.stop();
    const { database, headMark } = dataPaths(mayfly.config);
    const note = await signedNote(mayfly.config, { size: 1, root: Buffer.alloc(32, 1) });
    writeFileSync(headMark, note);
    // What a power loss can do: entries are durable, the checkpoint that was published last is not.
    const rows = new DatabaseSync(database);
    rows.exec("DELETE FROM published");
    rows.close();
    const restart = async (): Promise<void> => {
      opened.push(await mayfly.restart());
    };
    expect(await reasonOf(restart)).toBe("LOG_ROLLED_BACK");
    expect(await reasonOf(restart)).toBe("LOG_ROLLED_BACK");
    expect(readFileSync(headMark, "utf8")).toBe(note);
  });

  it("an audit trail in which a line was changed", async () => {
    expect(
      await restartAfter(({ auditTrail }) => {
        writeFileSync(auditTrail, readFileSync(auditTrail, "utf8").replace('"intent"', '"INTENT"'));
      }),
    ).toBe("AUDIT_FAILED");
  });

  it("a database that is no log", async () => {
    expect(
      await restartAfter(({ database }) => {
        writeFileSync(database, "not a database, but long enough to be looked at".repeat(100));
      }),
    ).not.toBe("accepted");
  });
});

describe("the log of the process", () => {
  it("holds one line per request, and never a token or a proof", async () => {
    const mayfly = await startOne();
    const { token, body } = await signingCall(mayfly);
    for (const path of ["/api/v2/signingCert", "/api/v2/signingCert?token=query-secret"]) {
      await request(mayfly.service.publicUrl).post(path).set("Authorization", `Bearer ${token}`).send(body);
    }
    await request(mayfly.service.publicUrl)
      .post("/api/v2/signingCert")
      .set("Authorization", "Bearer broken.to.ken")
      .send(body);
    await mayfly.stop();
    const text = mayfly.logText();
    const requests = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { route?: string; status?: number })
      .filter(({ route }) => route === "/api/v2/signingCert");
    expect(requests.map(({ status }) => status)).toEqual([200, 200, 400]);
    const proof = JSON.stringify(body).match(/"proofOfPossession":"([^"]+)"/u)?.[1];
    const audit = readFileSync(join(dataPaths(mayfly.config).auditTrail), "utf8");
    for (const secret of [...token.split("."), proof!, "query-secret", "broken.to.ken"]) {
      expect(text).not.toContain(secret);
      expect(audit).not.toContain(secret);
    }
  });
});

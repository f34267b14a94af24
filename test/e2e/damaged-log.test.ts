import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { DatabaseSync } from "node:sqlite";
import { dataPaths } from "../../src/compose/data-paths.ts";
import { ask, askForCertificate, type Answer } from "../support/ask.ts";
import { startTestService, type TestService } from "../support/service.ts";

const ISSUED = 3;
let mayfly: TestService;

beforeAll(async () => {
  mayfly = await startTestService();
  for (let at = 0; at < ISSUED; at++) expect((await issue()).status).toBe(200);
});

afterAll(async () => {
  await mayfly.close();
});

async function issue(): Promise<Answer> {
  return askForCertificate(mayfly.service.publicUrl, await mayfly.issuer.mintToken("email"));
}

function change(sql: string): void {
  const database = new DatabaseSync(dataPaths(mayfly.config).database);
  database.exec(sql);
  database.close();
}

function get(path: string): Promise<Answer> {
  return ask(`${mayfly.service.publicUrl}/test-log/${path}`);
}

it("a service whose log is damaged serves all but the damaged records, says why, and does not start over its head", async () => {
  change("UPDATE entry SET stored = CAST(substr(stored, 1, 99) || x'00' || substr(stored, 101) AS BLOB) WHERE idx = 1");
  const refused = await get("tile/data/000.p/3");
  expect(refused.status).toBe(500);
  expect(refused.body).toMatchObject({ code: 13, details: [{ reason: "LOG_CORRUPT" }] });
  expect(refused.text).not.toContain("entry 1");
  expect(await get("ct/v1/get-entries?start=1&end=1")).toMatchObject({ status: 500 });
  for (const path of ["checkpoint", "tile/data/000.p/1", "tile/0/000.p/3", "ct/v1/get-entries?start=2&end=2"]) {
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  }
  expect((await issue()).status).toBe(200);
  mayfly = await mayfly.restart();
  expect((await get("tile/data/000.p/4")).status).toBe(500);
  expect(mayfly.logText()).toContain("entry 1 is not as it was written: its row has another checksum");
  await mayfly.stop();
  change("UPDATE head SET timestamp_ms = timestamp_ms + 1");
  await expect(mayfly.restart()).rejects.toMatchObject({
    reason: "LOG_CORRUPT",
    message: "head is not as it was written: its row has another checksum",
  });
});

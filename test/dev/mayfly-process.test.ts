import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../dev/free-port.ts";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { configText } from "../support/service.ts";

const MODULE = join(import.meta.dirname, "..", "..", "dev", "mayfly-process.ts");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-dev-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program that starts a server and then does `last`; gives the server's log when the server has ended. */
async function logOfServerLeftBy(last: string): Promise<string> {
  const issuer = await startDevelopmentIssuer();
  const operations = `127.0.0.1:${String(await freePort(23_000))}`;
  const configFile = join(folder, "mayfly.yaml");
  const logFile = join(folder, "mayfly.log");
  const text = configText(issuer, join(folder, "data"));
  writeFileSync(
    configFile,
    text.replace('operations: { listen: "127.0.0.1:0"', `operations: { listen: "${operations}"`),
  );
  await issuer.close();
  const options = JSON.stringify({ configFile, logFile, operationsUrl: `http://${operations}` });
  const program = `import { startMayfly } from ${JSON.stringify(MODULE)};
    const { pid } = await startMayfly(${options});
    process.stdout.write(String(pid));
    ${last}`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  const pid = Number(stdout.toString());
  if (!(pid > 1)) throw new Error(`no server was started: ${stderr.toString()}`);
  const deadline = Date.now() + 10_000;
  while (isAlive(pid)) {
    if (Date.now() > deadline) {
      process.kill(pid, "SIGKILL");
      throw new Error("the server was left behind");
    }
    await pause(20);
  }
  return readFileSync(logFile, "utf8");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a server that a program started", () => {
  it.each([
    { name: "exits", last: "process.exit(3);" },
    { name: "dies of an error", last: "throw new Error('broken');" },
  ])("ends in order when that program $name", async ({ last }) => {
    expect(await logOfServerLeftBy(last)).toContain('"msg":"stopped"');
  });
});

import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Agent, fetch } from "undici";
import { startDevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import type { DevelopmentIssuer } from "../../dev/oidc-issuer.ts";
import { startMayflyProcess } from "../support/mayfly-process.ts";
import type { MayflyProcess } from "../support/mayfly-process.ts";
import { configText } from "../support/service.ts";
import { keyRequest } from "../support/signing-body.ts";
import { makeTestTlsPair } from "../support/tls-pair.ts";
import type { TestTlsPair } from "../support/tls-pair.ts";

let issuer: DevelopmentIssuer;
let folder: string;
let first: TestTlsPair;
let second: TestTlsPair;
let mayfly: MayflyProcess | undefined;
beforeEach(async () => {
  issuer = await startDevelopmentIssuer();
  folder = mkdtempSync(join(tmpdir(), "mayfly-https-"));
  first = makeTestTlsPair(folder, "first");
  second = makeTestTlsPair(folder, "second");
});
afterEach(async () => {
  mayfly?.signal("SIGKILL");
  await mayfly?.exited;
  await issuer.close();
  rmSync(folder, { recursive: true });
});

/** Puts a pair where the server reads its own. */
function install({ certificateFile, keyFile }: TestTlsPair): void {
  copyFileSync(certificateFile, join(folder, "tls.crt"));
  copyFileSync(keyFile, join(folder, "tls.key"));
}

async function start(): Promise<{ process: MayflyProcess; port: number; operationsUrl: string }> {
  install(first);
  const configFile = join(folder, "mayfly.yaml");
  const text = configText(issuer, join(folder, "data"));
  writeFileSync(
    configFile,
    text.replace('http: { listen: "127.0.0.1:0"', '$&, tls: { certificate: "tls.crt", key: "tls.key" }'),
  );
  const process = startMayflyProcess({ configFile });
  mayfly = process;
  const { fields = {} } = await process.line("ready");
  expect(fields["publicUrl"]).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/u);
  return { process, port: Number(new URL(fields["publicUrl"]!).port), operationsUrl: fields["operationsUrl"]! };
}

/** A new connection, and the name on the certificate that it met. */
async function meet(port: number): Promise<{ socket: TLSSocket; name: string }> {
  const socket = connect({ port, host: "127.0.0.1", ca: [first.certificate, second.certificate] });
  await once(socket, "secureConnect");
  return { socket, name: String(socket.getPeerCertificate().subject.CN) };
}

async function statusOver(socket: TLSSocket): Promise<string> {
  socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  return answer.toString("latin1", 9, 12);
}

describe("mayfly serve with http.tls", () => {
  it("issues a certificate over HTTPS", async () => {
    const { process, port } = await start();
    const dispatcher = new Agent({ connect: { ca: first.certificate } });
    const answer = await fetch(`https://localhost:${String(port)}/api/v2/signingCert`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${await issuer.mintToken("email")}` },
      body: JSON.stringify(keyRequest()),
      dispatcher,
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("BEGIN CERTIFICATE");
    await dispatcher.close();
    process.signal("SIGTERM");
    expect((await process.exited).code).toBe(0);
  });

  it("[FC40] [R18] uses a renewed certificate and keeps it when what comes next is no good, while connections go on", async () => {
    const { process, port, operationsUrl } = await start();
    const before = await meet(port);
    expect(before.name).toBe("first");
    install(second);
    for (let name = ""; name !== "second";) {
      const met = await meet(port);
      ({ name } = met);
      met.socket.destroy();
    }
    copyFileSync(first.keyFile, join(folder, "tls.key"));
    const { level, fields } = await process.line("TLS certificate refused; the one before stays in use");
    expect({ level, error: fields?.["error"] }).toEqual({
      level: "error",
      error: "the key is not that of the certificate",
    });
    const after = await meet(port);
    expect(after.name).toBe("second");
    expect(await statusOver(before.socket)).toBe("200");
    expect(await statusOver(after.socket)).toBe("200");
    const metrics = await (await fetch(`${operationsUrl}/metrics`)).text();
    expect(metrics).toContain('mayfly_tls_certificate_loads_total{result="used"} 2\n');
    expect(metrics).toContain('mayfly_tls_certificate_loads_total{result="refused"} 1\n');
    expect(metrics).toMatch(/^mayfly_tls_certificate_expiry_timestamp_seconds 1\d{9}$/mu);
    before.socket.destroy();
    after.socket.destroy();
    process.signal("SIGTERM");
    const { code, stderr } = await process.exited;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

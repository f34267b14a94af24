import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { findChromium } from "../../support/browser/find-chromium.ts";
import { spkiOf } from "../../support/caller-keys.ts";
import { recordEvidence, recordVersion } from "../../support/evidence.ts";
import { itWhen } from "../../support/it-when.ts";
import { TEXT } from "../../support/refusal.ts";
import { ANCHORS, startTestService } from "../../support/service.ts";
import type { TestService } from "../../support/service.ts";

const PAGE = readFileSync(new URL("../../support/browser/sign.html", import.meta.url));
const program = findChromium();
const [itInChromium, skipped] = itWhen(program !== undefined, "no Chromium on the PATH or in CHROMIUM");

/** What the page was told; see sign.html. */
interface Seen {
  readonly status?: number;
  readonly contentType?: string | null;
  readonly requestId?: string | null;
  readonly text?: string;
  readonly failed?: string;
  readonly spki?: string;
}

let mayfly: TestService;
let browser: Browser | undefined;
let page: Page;
const pages = createServer((_request, response) => {
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(PAGE);
});

beforeAll(async () => {
  if (program === undefined) return;
  mayfly = await startTestService('trust: { publicUrl: "https://ca.example.com", operator: example.com }\n');
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  // Chromium's own sandbox does not work for root, as whom containers run.
  browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
  recordVersion("Chromium", browser.version());
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
});

afterAll(async () => {
  if (browser === undefined) return;
  await browser.close();
  pages.close();
  await mayfly.close();
});

/** Calls a function of the page. */
const inPage = (name: "ask" | "sign", ...values: readonly object[] | readonly [string, object?]): Promise<Seen> =>
  page.evaluate(`${name}(${values.map((value) => JSON.stringify(value)).join(", ")})`);

interface SignOptions {
  readonly version?: "v1" | "v2";
  readonly principal?: string;
  readonly init?: object;
}

async function sign({ version = "v2", principal = "dev@example.com", init = {} }: SignOptions = {}): Promise<Seen> {
  const token = await mayfly.issuer.mintToken("email");
  return inPage("sign", { url: mayfly.service.publicUrl, version, token, principal, init });
}

function certificatesIn({ text = "" }: Seen): readonly X509Certificate[] {
  const pems = text.replaceAll("\\n", "\n").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu);
  return (pems ?? []).map((pem) => new X509Certificate(pem));
}

describe("a page of another origin in Chromium", () => {
  itInChromium.each([
    ["v2", 200, "application/json"],
    ["v1", 201, "application/pem-certificate-chain"],
  ] as const)(`gets a certificate by %s for a key of WebCrypto${skipped}`, async (version, status, contentType) => {
    const seen = await sign({ version });
    expect(seen).toMatchObject({ status, contentType });
    const [leaf, issuing, root] = certificatesIn(seen);
    expect(spkiOf(leaf!.publicKey).toString("base64")).toBe(seen.spki);
    expect(leaf!.subjectAltName).toBe("email:dev@example.com");
    expect([leaf!.verify(issuing!.publicKey), issuing!.verify(root!.publicKey)]).toEqual([true, true]);
    expect(`${issuing!.toString()}${root!.toString()}`).toBe(ANCHORS.chainPem);
    expect(seen.requestId).toMatch(/^[0-9a-f-]{36}$/u);
    recordEvidence(`${version}: a page of another origin made a key, proved it and read its certificate (${status})`);
  });

  itInChromium(`reads why it was refused${skipped}`, async () => {
    const seen = await sign({ principal: "ev@example.com" });
    expect(seen.status).toBe(400);
    expect(JSON.parse(seen.text ?? "")).toMatchObject({ code: 3, message: TEXT.proofOfAddress });
    recordEvidence("a refusal is readable, status and text");
  });

  itInChromium(`reads whom to trust${skipped}`, async () => {
    const paths = [
      "/api/v2/trustBundle",
      "/api/v2/configuration",
      "/api/v1/rootCert",
      "/openapi.json",
      "/trust/trusted_root.json",
      "/test-log/checkpoint",
    ];
    for (const path of paths) {
      expect([path, (await inPage("ask", `${mayfly.service.publicUrl}${path}`)).status]).toEqual([path, 200]);
    }
    recordEvidence(`${paths.length} reads answer pages of any origin`);
  });

  itInChromium.each([
    ["cookies", { credentials: "include" }],
    ["a field that is not allowed", { headers: { "X-Other": "1", Authorization: "Bearer x" } }],
    ["a method that is not allowed", { method: "DELETE" }],
  ])(`is kept from sending %s${skipped}`, async (what, init) => {
    expect((await sign({ init })).failed).toBe("TypeError");
    recordEvidence(`Chromium kept a page from sending ${what}`);
  });
});

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openFileSigner } from "../../../src/adapters/signers/file.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import { sequence } from "../../../src/core/encoding/der-writer.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import type { Signer } from "../../../src/ports/signer.ts";
import { PASSPHRASE } from "../operator-keys.ts";
import { SCT_LIST, tbsWithoutExtension } from "../tbs-without-extension.ts";

/** An authority that logs nothing: what a Mayfly answers, with every leaf signed again without its SCT. */
export interface SctRemover {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts one in front of the Mayfly at `target()`, whose issuing key is in the folder `caKeys`. */
export async function startSctRemover(target: () => string, caKeys: string): Promise<SctRemover> {
  const ca = await openFileSigner({ path: join(caKeys, "issuing.json"), passphrase: PASSPHRASE });
  const server = createServer((request, response) => {
    void forward(request, target()).then(async (answer) => {
      const type = answer.headers.get("content-type") ?? "text/plain";
      response.writeHead(answer.status, { "content-type": type });
      response.end(await withoutScts(await answer.text(), ca));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await ca.close();
    },
  };
}

async function forward(request: IncomingMessage, target: string): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { authorization, "content-type": type } = request.headers;
  return globalThis.fetch(`${target}${request.url ?? "/"}`, {
    method: request.method ?? "GET",
    headers: {
      ...(type === undefined ? {} : { "content-type": type }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
  });
}

/** A certificate as PEM, or as PEM in JSON, where line breaks are escaped. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----(?:\n|\\n)[^-]*-----END CERTIFICATE-----/gu;

async function withoutScts(answer: string, ca: Signer): Promise<string> {
  let text = answer;
  for (const [found] of answer.matchAll(CERTIFICATE)) {
    const isJson = found.includes("\\n");
    const certificate = new X509Certificate(found.replaceAll("\\n", "\n"));
    if (certificate.ca) continue;
    const pem = encodePem("CERTIFICATE", await signAgain(certificate.raw, ca)).trim();
    text = text.replace(found, isJson ? pem.replaceAll("\n", "\\n") : pem);
  }
  return text;
}

async function signAgain(certificate: Uint8Array, ca: Signer): Promise<Uint8Array> {
  const tbs = tbsWithoutExtension(certificate, SCT_LIST);
  const [, algorithm] = derChildren(parseDer(certificate));
  return sequence(tbs, algorithm!.bytes, bitString(await ca.sign(tbs)));
}

/** BIT STRING of whole octets; a P-256 signature has fewer than 127 of them (X.690 §8.6). */
const bitString = (bytes: Uint8Array): Uint8Array => Uint8Array.of(0x03, bytes.length + 1, 0, ...bytes);

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openFileSigner } from "../../../src/adapters/signers/file.ts";
import { derChildren, parseDer } from "../../../src/core/encoding/der-reader.ts";
import { sequence } from "../../../src/core/encoding/der-writer.ts";
import { encodePem } from "../../../src/core/encoding/pem.ts";
import { CA } from "../../../src/gen/dev/sigstore/fulcio/v2/fulcio_pb.ts";
import type { Signer } from "../../../src/ports/signer.ts";
import { PASSPHRASE } from "../operator-keys.ts";
import { SCT_LIST, tbsWithoutExtension } from "../tbs-without-extension.ts";
import type { TestTlsPair } from "../tls-pair.ts";

/** An authority that logs nothing: what a Mayfly answers, with every leaf signed again without its SCT. */
export interface SctRemover {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Of what Mayfly an {@link SctRemover} takes the SCTs. */
export interface SctRemoverOptions {
  /** Where it answers. */
  readonly target: string;
  /** The folder with its issuing key. */
  readonly caKeys: string;
  /** With it, what is taken away is what gRPC answers, over TLS with this pair; without, what HTTP does. */
  readonly tls?: TestTlsPair | undefined;
}

/** Starts one on a free port of loopback. */
export async function startSctRemover({ target, caKeys, tls }: SctRemoverOptions): Promise<SctRemover> {
  const ca = await openFileSigner({ path: join(caKeys, "issuing.json"), passphrase: PASSPHRASE });
  const { port, close } =
    tls === undefined ? await removeFromHttp(target, ca) : await removeFromGrpc(new URL(target).host, ca, tls);
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${String(port)}`,
    close: async () => {
      close();
      await ca.close();
    },
  };
}

/** A port that answers, until it is closed. */
interface Listening {
  readonly port: number;
  readonly close: () => void;
}

async function removeFromHttp(target: string, ca: Signer): Promise<Listening> {
  const server = createServer((request, response) => {
    void forward(request, target).then(async (answer) => {
      const type = answer.headers.get("content-type") ?? "text/plain";
      response.writeHead(answer.status, { "content-type": type });
      response.end(await withoutScts(await answer.text(), ca));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const { createSigningCertificate } = CA.method;
const PATH = `/${CA.typeName}/${createSigningCertificate.name}`;
const asBytes = {
  requestSerialize: (value: Buffer) => value,
  requestDeserialize: (value: Buffer) => value,
  responseSerialize: (value: Buffer) => value,
  responseDeserialize: (value: Buffer) => value,
};

async function removeFromGrpc(authority: string, ca: Signer, tls: TestTlsPair): Promise<Listening> {
  const pair = { cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) };
  const client = new Client(authority, credentials.createSsl(pair.cert_chain));
  const server = new Server();
  const method = { path: PATH, requestStream: false, responseStream: false, ...asBytes } as const;
  server.addService(
    { sign: method },
    {
      sign: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        client.makeUnaryRequest(
          PATH,
          asBytes.requestSerialize,
          asBytes.responseDeserialize,
          call.request,
          (error, value) => {
            if (value === undefined) answer(error);
            else
              withoutSct(value, ca).then((without) => {
                answer(null, without);
              }, answer);
          },
        );
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(null, [pair]), (error, at) => {
      if (error === null) resolve(at);
      else reject(error);
    });
  });
  return {
    port,
    close: () => {
      server.forceShutdown();
      client.close();
    },
  };
}

/** A message with the certificate of its chain's leaf signed again. */
async function withoutSct(message: Uint8Array, ca: Signer): Promise<Buffer> {
  const answer = fromBinary(createSigningCertificate.output, message);
  const chain = answer.certificate.case === "signedCertificateEmbeddedSct" ? answer.certificate.value.chain : undefined;
  if (chain === undefined) throw new Error("an answer without a chain");
  chain.certificates = await Promise.all(chain.certificates.map((pem) => withoutScts(pem, ca)));
  return Buffer.from(toBinary(createSigningCertificate.output, answer));
}

/** Takes the SCT out of the certificate of a bundle (`verificationMaterial.certificate`), which nothing else of it notices. */
export async function removeSctFromBundle(file: string, caKeys: string): Promise<void> {
  const ca = await openFileSigner({ path: join(caKeys, "issuing.json"), passphrase: PASSPHRASE });
  const bundle = JSON.parse(readFileSync(file, "utf8")) as {
    verificationMaterial: { certificate: { rawBytes: string } };
  };
  const { certificate } = bundle.verificationMaterial;
  const without = await signAgain(Buffer.from(certificate.rawBytes, "base64"), ca);
  certificate.rawBytes = Buffer.from(without).toString("base64");
  writeFileSync(file, JSON.stringify(bundle));
  await ca.close();
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

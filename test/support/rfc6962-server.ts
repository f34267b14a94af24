import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeTreeHeadSignature, treeHeadSigningInput } from "../../src/core/ct/signed-tree-head.ts";
import { decodeTileLeaf } from "../../src/core/ct/static-entry.ts";
import { sha256 } from "./log-fixtures.ts";
import type { TiledLog } from "./tiled-log.ts";
import { toHex } from "./vectors.ts";

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** `opaque<..2^24-1>` */
export const vec24 = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(3);
  length.writeUIntBE(bytes.length, 0, 3);
  return Buffer.concat([length, bytes]);
};

/** An entry as RFC 6962 §4.6 answers it, written down from the RFC. */
export function pageEntryOf(
  log: Pick<TiledLog, "entries" | "issuers">,
  index: number,
): { leaf_input: string; extra_data: string } {
  const { leafInput, stored } = log.entries[index]!;
  const { preCertificate, certificateChain } = decodeTileLeaf(stored);
  const chain = certificateChain.map((fingerprint) =>
    vec24(log.issuers.find((der) => toHex(sha256(der)) === toHex(fingerprint))!),
  );
  const extraData = [
    preCertificate === undefined ? Buffer.alloc(0) : vec24(preCertificate),
    vec24(Buffer.concat(chain)),
  ];
  return { leaf_input: base64(leafInput), extra_data: base64(Buffer.concat(extraData)) };
}

/** The answer of `get-sth` for a log (RFC 6962 §4.3). */
export function treeHeadAnswerOf(log: TiledLog, timestampMs = 1_767_225_600_000): Record<string, unknown> {
  const signature = log.sign(treeHeadSigningInput({ size: log.size, root: log.root, timestampMs }));
  return {
    tree_size: log.size,
    timestamp: timestampMs,
    sha256_root_hash: base64(log.root),
    tree_head_signature: base64(encodeTreeHeadSignature(signature)),
  };
}

/** A server that answers RFC 6962 §4.3 and §4.6 below `/log`. */
export interface Rfc6962Server {
  readonly url: string;
  /** Request targets in the order they came. */
  readonly asked: string[];
  /** Replaces answers by what is sent as JSON; undefined for the true answer. */
  replace: (target: string) => unknown;
  /** True entries in the form of answers. */
  pageEntries: (start: number, count: number) => readonly unknown[];
  close(): Promise<void>;
}

/** A log as this server answers for it. */
export interface AnsweredLog extends Pick<TiledLog, "size" | "entries" | "issuers"> {
  /** Answer of `get-sth` (RFC 6962 §4.3). */
  readonly treeHead: unknown;
}

/** @param pageSize most entries that one answer has */
export function serveRfc6962(log: TiledLog, pageSize = 100): Promise<Rfc6962Server> {
  return serveAnswers({ ...log, treeHead: treeHeadAnswerOf(log) }, pageSize);
}

/** Serves a log whose tree head was signed elsewhere. */
export async function serveAnswers(log: AnsweredLog, pageSize = 100): Promise<Rfc6962Server> {
  const asked: string[] = [];
  const answerOf = (target: string): unknown => {
    if (target === "/log/ct/v1/get-sth") return log.treeHead;
    const [, start, end] = /^\/log\/ct\/v1\/get-entries\?start=(\d+)&end=(\d+)$/u.exec(target) ?? [];
    if (start === undefined || end === undefined) return undefined;
    const count = Math.min(Number(end) + 1, log.size, Number(start) + pageSize) - Number(start);
    return { entries: rig.pageEntries(Number(start), count) };
  };
  const send = (response: ServerResponse, body: unknown): void => {
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200).end(typeof body === "string" ? body : JSON.stringify(body));
  };
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    send(response, rig.replace(url) ?? answerOf(url));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const rig: Rfc6962Server = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`,
    asked,
    replace: () => undefined,
    pageEntries: (start, count) => Array.from({ length: count }, (_, at) => pageEntryOf(log, start + at)),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return rig;
}

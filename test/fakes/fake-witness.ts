import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parseCheckpoint } from "../../src/core/note/checkpoint.ts";
import { cosignatureMessage, encodeCosignature } from "../../src/core/note/cosignature.ts";
import {
  formatSignedNote,
  parseSignedNote,
  verifySignedNote,
  type NoteVerifier,
} from "../../src/core/note/signed-note.ts";
import { ed25519KeyOfSpki, encodeVerifierKey, noteKeyId, SIGNATURE_TYPE } from "../../src/core/note/verifier-key.ts";
import { verifyConsistency } from "../../src/core/merkle/consistency-proof.ts";

/** What a witness answers. */
export interface WitnessReply {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

/** What a witness remembers of a log. */
interface Seen {
  readonly verifiers: readonly NoteVerifier[];
  size: number;
  root: Uint8Array;
}

/** A witness as C2SP tlog-witness describes it, without the network. */
export class FakeWitness {
  readonly name: string;
  /** Its key as it publishes it. */
  readonly key: string;
  /** Bodies of all requests, in order. */
  readonly requests: string[] = [];
  readonly #privateKey: KeyObject;
  readonly #publicKey: Uint8Array;
  readonly #logs = new Map<string, Seen>();
  readonly #nowSeconds: () => number;

  constructor(name: string, nowSeconds: () => number = () => Math.floor(Date.now() / 1_000)) {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.name = name;
    this.#privateKey = privateKey;
    this.#publicKey = ed25519KeyOfSpki(publicKey.export({ type: "spki", format: "der" }));
    this.#nowSeconds = nowSeconds;
    this.key = encodeVerifierKey({ name, type: SIGNATURE_TYPE.cosignature, publicKey: this.#publicKey });
  }

  /** Lets it know a log; it has seen nothing of it. */
  learn(origin: string, verifiers: readonly NoteVerifier[]): void {
    this.#logs.set(origin, { verifiers, size: 0, root: new Uint8Array(32) });
  }

  /** What it has cosigned last of a log. */
  seen(origin: string): { size: number; root: Uint8Array } {
    const seen = this.#logs.get(origin);
    if (seen === undefined) throw new TypeError(`no log ${origin}`);
    return seen;
  }

  /** Answers one request, in the order of the checks that the specification has. */
  answer(request: string): WitnessReply {
    this.requests.push(request);
    const split = request.indexOf("\n\n");
    const [oldLine = "", ...proofLines] = request.slice(0, split).split("\n");
    const oldText = /^old (0|[1-9]\d*)$/u.exec(oldLine)?.[1];
    if (split < 0 || oldText === undefined || proofLines.length > 63) return { status: 400 };
    const oldSize = Number(oldText);
    const proof = proofLines.map((line) => new Uint8Array(Buffer.from(line, "base64")));
    const note = parseSignedNote(request.slice(split + 2));
    const { origin, size, root } = parseCheckpoint(note.text);
    const seen = this.#logs.get(origin);
    if (seen === undefined) return { status: 404 };
    try {
      verifySignedNote(note, seen.verifiers);
    } catch {
      return { status: 403 };
    }
    if (oldSize > size) return { status: 400 };
    if (oldSize !== seen.size) return { status: 409, type: "text/x.tlog.size", body: `${seen.size}\n` };
    if (oldSize === 0 ? proof.length > 0 : !isConsistent(seen, { size, root }, proof)) return { status: 422 };
    if (oldSize === size && size > 0 && Buffer.compare(seen.root, root) !== 0) return { status: 409 };
    Object.assign(seen, { size, root });
    return { status: 200, body: this.cosign(note.text) };
  }

  /** Its cosignature line over a text, at its time or another one. */
  cosign(text: string, timestampSeconds = this.#nowSeconds()): string {
    const signature = encodeCosignature({
      timestampSeconds,
      signature: new Uint8Array(sign(null, cosignatureMessage(text, timestampSeconds), this.#privateKey)),
    });
    const keyId = noteKeyId(this.name, SIGNATURE_TYPE.cosignature, this.#publicKey);
    const whole = formatSignedNote({ text, signatures: [{ name: this.name, keyId, signature }] });
    return whole.slice(text.length + 1);
  }
}

function isConsistent(
  seen: Seen,
  tree: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (seen.size === tree.size) return proof.length === 0;
  try {
    verifyConsistency(seen, tree, proof);
    return true;
  } catch {
    return false;
  }
}

/** A fake witness on a port of its own. */
export interface ServedWitness {
  readonly witness: FakeWitness;
  readonly url: string;
  /** What is answered instead, for as long as it is set; undefined from it lets the witness answer. */
  instead: ((request: string) => WitnessReply | "hang" | "reset" | "torn" | undefined) | undefined;
  /** Connections that were opened. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Serves a witness on 127.0.0.1. */
export async function serveWitness(witness: FakeWitness): Promise<ServedWitness> {
  let connections = 0;
  const served: { instead: ServedWitness["instead"] } = { instead: undefined };
  const server: Server = createServer((request, response) => {
    void readText(request).then((body) => {
      const isAsked = request.method === "POST" && request.url === "/prefix/add-checkpoint";
      const reply = served.instead?.(body) ?? (isAsked ? witness.answer(body) : { status: 405 });
      if (reply === "hang") return;
      if (reply === "reset") request.socket.destroy();
      else if (reply === "torn") {
        response.writeHead(200, { "content-length": 1_000 });
        response.write("\u2014 torn", () => request.socket.destroy());
      } else {
        response.writeHead(reply.status, reply.type === undefined ? {} : { "content-type": reply.type });
        response.end(reply.body);
      }
    });
  });
  server.on("connection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.defineProperty(
    Object.assign(served, {
      witness,
      url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/prefix`,
      connections: 0,
      close: () =>
        new Promise<void>((resolve) => {
          server.close(() => {
            resolve();
          });
          server.closeAllConnections();
        }),
    }),
    "connections",
    { get: () => connections },
  );
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

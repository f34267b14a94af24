import type { Agent } from "node:http";
import { Agent as HttpAgent } from "../../node-http.ts";
import { Agent as HttpsAgent } from "node:https";
import { encodeBase64 } from "../../core/encoding/base64.ts";
import { describeCauses } from "../../core/errors.ts";
import { makeCosignatureVerifier } from "../../core/note/cosignature.ts";
import { NoteError } from "../../core/note/note-error.ts";
import { parseSignedNote } from "../../core/note/signed-note.ts";
import type { NoteVerifier } from "../../core/note/signed-note.ts";
import { parseVerifierKey } from "../../core/note/verifier-key.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ShownCheckpoint, Witness, WitnessAnswer } from "../../ports/witness.ts";
import { post } from "./post.ts";
import type { PostedAnswer } from "./post.ts";
import { readCosignature } from "./read-cosignature.ts";

/** Who is asked, and how. */
export interface HttpWitnessOptions {
  /** Text form of its key for cosignatures, type 0x04 (C2SP signed-note). */
  readonly key: string;
  /** Submission prefix, without a final slash. */
  readonly url: string;
  /** From the request's first byte to the answer's last, milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, "now">;
}

/** Most that a consistency proof may have (C2SP tlog-witness). */
const MAX_PROOF_HASHES = 63;

/** Of an answer, so much is kept as evidence, UTF-16 units. */
const MAX_KEPT_CHARACTERS = 4_096;

const TREE_SIZE_TYPE = "text/x.tlog.size";

/**
 * Opens a witness that speaks C2SP tlog-witness. Nothing is sent before it is asked.
 *
 * @throws NoteError when the key is none; RangeError when it is no key for cosignatures
 */
export function openHttpWitness(options: HttpWitnessOptions): Witness {
  return new HttpWitness(options);
}

class HttpWitness implements Witness {
  readonly name: string;
  readonly #options: HttpWitnessOptions;
  readonly #url: URL;
  readonly #verifier: NoteVerifier;
  readonly #agent: Agent;
  readonly #closing = new AbortController();

  constructor(options: HttpWitnessOptions) {
    this.#options = options;
    this.#url = new URL(`${options.url}/add-checkpoint`);
    this.#verifier = makeCosignatureVerifier(parseVerifierKey(options.key));
    this.name = this.#verifier.name;
    // tlog-witness asks clients to keep their connections.
    const Connections = this.#url.protocol === "https:" ? HttpsAgent : HttpAgent;
    this.#agent = new Connections({ keepAlive: true, maxSockets: 1 });
  }

  async addCheckpoint(checkpoint: ShownCheckpoint): Promise<WitnessAnswer> {
    const { text } = parseSignedNote(checkpoint.note);
    const request = formatRequest(checkpoint);
    let answer: PostedAnswer;
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#options.timeoutMs)]);
      answer = await post(this.#url, Buffer.from(request), { agent: this.#agent, signal });
    } catch (error) {
      return { request, response: undefined, result: "unavailable", detail: describeCauses(error) };
    }
    const body = Buffer.from(answer.body).toString().slice(0, MAX_KEPT_CHARACTERS);
    return { request, response: { status: answer.status, body }, ...this.#judge(answer, text) };
  }

  hasCosigned: Witness["hasCosigned"] = (text, { name, keyId, signature }) =>
    name === this.name && Buffer.compare(keyId, this.#verifier.keyId) === 0 && this.#verifier.verify(text, signature);

  close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    this.#agent.destroy();
    return Promise.resolve();
  }

  #judge(answer: PostedAnswer, text: string): Judgement {
    if (answer.status !== 200) return judgeRefusal(answer);
    try {
      const nowSeconds = this.#options.clock.now() / 1_000;
      return { result: "cosigned", ...readCosignature(text, answer.body, { verifier: this.#verifier, nowSeconds }) };
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      return { result: "invalid", detail: error.message };
    }
  }
}

type Judgement = WitnessAnswer extends infer Answer
  ? Answer extends WitnessAnswer
    ? Omit<Answer, "request" | "response">
    : never
  : never;

/** Body of the request (C2SP tlog-witness). */
function formatRequest({ oldSize, proof, note }: ShownCheckpoint): string {
  if (proof.length > MAX_PROOF_HASHES) throw new RangeError(`a proof of ${proof.length} hashes`);
  return `old ${oldSize}\n${proof.map((hash) => `${encodeBase64(hash)}\n`).join("")}\n${note}`;
}

/** Every status but 200. */
function judgeRefusal(answer: PostedAnswer): Judgement {
  const { status } = answer;
  const detail = `status ${status}`;
  switch (status) {
    case 403:
      return { result: "signature-refused", detail };
    case 404:
      return { result: "unknown-log", detail };
    case 409:
      return { result: "conflict", size: readTreeSize(answer) };
    case 422:
      return { result: "inconsistent" };
    case 408:
    case 429:
      return { result: "unavailable", detail };
    default:
      if (status >= 500) return { result: "unavailable", detail };
      return { result: status >= 400 ? "request-refused" : "invalid", detail };
  }
}

const TREE_SIZE = /^(?:0|[1-9]\d{0,15})\n$/u;

/** The witness's size in the body of a conflict; undefined when it does not say it as it has to. */
function readTreeSize({ mediaType, body }: PostedAnswer): number | undefined {
  const text = Buffer.from(body).toString();
  const size = Number(text);
  return mediaType === TREE_SIZE_TYPE && TREE_SIZE.test(text) && Number.isSafeInteger(size) ? size : undefined;
}

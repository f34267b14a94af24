import { makeCosignatureVerifier, decodeCosignature } from "../../src/core/note/cosignature.ts";
import { parseSignedNote } from "../../src/core/note/signed-note.ts";
import { parseVerifierKey } from "../../src/core/note/verifier-key.ts";
import type { ShownCheckpoint, Witness, WitnessAnswer } from "../../src/ports/witness.ts";
import type { FakeWitness, WitnessReply } from "../fakes/fake-witness.ts";

/** A witness that is asked without a network, and what stands in its way. */
export interface DirectWitness extends Witness {
  readonly fake: FakeWitness;
  /** Whether nobody reaches it. */
  isDown: boolean;
  /** Answers wait for this. */
  gate: Promise<unknown>;
  /** What is answered instead; undefined from it lets the witness answer. */
  instead: ((request: string) => WitnessReply | undefined) | undefined;
  /** Questions that are under way, and the most that ever were at once. */
  readonly underWay: { now: number; most: number };
}

/** Asks a fake witness without a network between. */
export function makeDirectWitness(fake: FakeWitness): DirectWitness {
  const verifier = makeCosignatureVerifier(parseVerifierKey(fake.key));
  const witness: DirectWitness = {
    name: fake.name,
    fake,
    isDown: false,
    gate: Promise.resolve(),
    instead: undefined,
    underWay: { now: 0, most: 0 },
    addCheckpoint: async (checkpoint) => {
      const { underWay } = witness;
      underWay.now += 1;
      underWay.most = Math.max(underWay.most, underWay.now);
      await witness.gate;
      underWay.now -= 1;
      return answer(witness, checkpoint);
    },
    hasCosigned: (text, { name, keyId, signature }) =>
      name === fake.name && Buffer.compare(keyId, verifier.keyId) === 0 && verifier.verify(text, signature),
    close: () => Promise.resolve(),
  };
  return witness;
}

function answer(witness: DirectWitness, { oldSize, proof, note }: ShownCheckpoint): WitnessAnswer {
  const hashes = proof.map((hash) => `${Buffer.from(hash).toString("base64")}\n`).join("");
  const request = `old ${String(oldSize)}\n${hashes}\n${note}`;
  if (witness.isDown) return { request, response: undefined, result: "unavailable", detail: "down" };
  const { status, body = "" } = witness.instead?.(request) ?? witness.fake.answer(request);
  const exchange = { request, response: { status, body: Buffer.from(body).toString() } };
  if (status === 409) return { ...exchange, result: "conflict", size: body === "" ? undefined : Number(body) };
  if (status === 422) return { ...exchange, result: "inconsistent" };
  if (status !== 200) return { ...exchange, result: "request-refused", detail: `status ${String(status)}` };
  const { text } = parseSignedNote(note);
  const [cosignature] = parseSignedNote(`${text}\n${exchange.response.body}`).signatures;
  if (cosignature === undefined || !witness.hasCosigned(text, cosignature)) throw new TypeError("no cosignature");
  return { ...exchange, result: "cosigned", cosignature, ...decodeCosignature(cosignature.signature) };
}

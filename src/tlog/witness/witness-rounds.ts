import { MayflyError } from "../../core/errors.ts";
import { parseSignedNote, type NoteSignature } from "../../core/note/signed-note.ts";
import type { PublishedCheckpoint } from "../../ports/log-store.ts";
import type { Witness } from "../../ports/witness.ts";
import type { WitnessFork } from "./ask-witness.ts";
import { CosignedCheckpoints } from "./cosigned-checkpoints.ts";
import { startTimer, type StartTimer, type Timer } from "./timer.ts";
import { WitnessContact, type ContactOptions } from "./witness-contact.ts";

/** What {@link WitnessRounds} are made of. */
export interface WitnessRoundsOptions extends ContactOptions {
  readonly witnesses: readonly Witness[];
  /** How many witnesses make a quorum. */
  readonly required: number;
  /** A round begins at most once in this time, milliseconds, unless somebody waits for it. */
  readonly intervalMs: number;
  /** Told of the newest checkpoint that a quorum has cosigned, with their lines; again when a line is newer. */
  readonly onCosigned?: (checkpoint: PublishedCheckpoint) => void;
  /** Told, once, of a witness that has seen another log. Returns the error for whoever waits; nobody is asked afterwards. */
  readonly onFork: (fork: WitnessFork) => MayflyError;
  readonly startTimer?: StartTimer;
}

/** Somebody who waits for a quorum. */
interface Waiter {
  readonly checkpoint: PublishedCheckpoint;
  readonly resolve: (checkpoint: PublishedCheckpoint) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: Timer;
}

/**
 * Shows a log's checkpoints to its witnesses. They are asked in rounds: in a round all are shown the same checkpoint, as each
 * on its own would cosign another one while the log grows, and no tree would ever have a quorum. A round is over when it has
 * the quorum, or when nobody is left to ask; a witness that is slow or fails is left out until it is back.
 */
export class WitnessRounds {
  readonly #options: WitnessRoundsOptions;
  readonly #contacts: readonly WitnessContact[];
  readonly #cosigned: CosignedCheckpoints;
  readonly #startTimer: StartTimer;
  /** Whom a question is under way to, and its end. */
  readonly #asking = new Map<WitnessContact, Promise<void>>();
  /** What was signed last. */
  #newest: PublishedCheckpoint | undefined;
  #round:
    | { readonly checkpoint: PublishedCheckpoint; readonly sinceMs: number; readonly asked: Set<WitnessContact> }
    | undefined;
  #nextRound: { readonly timer: Timer; readonly dueMs: number } | undefined;
  #waiter: Waiter | undefined;
  /** Why nobody is asked any more. */
  #ended: MayflyError | undefined;

  constructor(options: WitnessRoundsOptions) {
    this.#options = options;
    this.#contacts = options.witnesses.map((witness) => new WitnessContact(witness, options));
    this.#cosigned = new CosignedCheckpoints(options.required);
    this.#startTimer = options.startTimer ?? startTimer;
  }

  /** The newest checkpoint that a quorum has cosigned, with their lines. */
  get cosigned(): PublishedCheckpoint | undefined {
    return this.#cosigned.newest;
  }

  /** Names of the witnesses that have cosigned this very checkpoint since they were opened. */
  cosigners(checkpoint: PublishedCheckpoint): readonly string[] {
    return this.#contacts.filter((contact) => contact.hasCosigned(checkpoint)).map(({ witness }) => witness.name);
  }

  /** The checkpoint with every cosignature that came for exactly its tree. */
  complete(checkpoint: PublishedCheckpoint): PublishedCheckpoint {
    return this.#cosigned.complete(checkpoint);
  }

  /** Takes cosignatures that were kept from earlier; what no witness of ours has made is ignored. */
  restore(checkpoint: PublishedCheckpoint): void {
    const { text, signatures } = parseSignedNote(checkpoint.note);
    for (const contact of this.#contacts) {
      const { witness } = contact;
      const cosignature = signatures.find((line) => witness.hasCosigned(text, line));
      if (cosignature === undefined) continue;
      contact.remember(checkpoint.size);
      this.#cosigned.add(checkpoint, witness.name, cosignature);
    }
  }

  /** Tells of a newer published checkpoint; returns at once. */
  offer(checkpoint: PublishedCheckpoint): void {
    this.#newest = checkpoint;
    this.#advance();
  }

  /**
   * Waits until a quorum has cosigned a checkpoint, whose tree is committed. One caller at a time.
   *
   * @returns the checkpoint with their lines
   * @throws MayflyError `log_unavailable` (WITNESS_QUORUM_MISSED) after `timeoutMs`, or as soon as nobody is left to ask;
   *   what `onFork` gave
   */
  cosign(checkpoint: PublishedCheckpoint, timeoutMs: number): Promise<PublishedCheckpoint> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#newest = checkpoint;
    if (this.#cosigned.count(checkpoint) >= this.#options.required) {
      this.#advance();
      return Promise.resolve(this.complete(checkpoint));
    }
    const { promise, resolve, reject } = Promise.withResolvers<PublishedCheckpoint>();
    const timer = this.#startTimer(() => {
      this.#rejectWaiter(this.#quorumMissed(checkpoint));
    }, timeoutMs);
    this.#waiter = { checkpoint, resolve, reject, timer };
    // A batch waits: neither for the interval nor for the end of the round before.
    this.#startRound(checkpoint);
    this.#advance();
    return promise;
  }

  /**
   * Shows a checkpoint to everybody, and waits until each has answered or `waitMs` have passed.
   *
   * @throws MayflyError what `onFork` gave
   */
  async askEverybody(checkpoint: PublishedCheckpoint, waitMs: number): Promise<void> {
    this.#newest = checkpoint;
    if (this.#ended === undefined) this.#startRound(checkpoint);
    const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#startTimer(() => {
      resolve(undefined);
    }, waitMs);
    await Promise.race([Promise.all(this.#asking.values()), timeout]);
    timer.stop();
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Asks nobody any more. The witnesses are still to be closed. */
  close(): void {
    this.#end(new MayflyError("LOG_CLOSED", "witnesses are not asked any more"));
  }

  /** Goes on with the round as far as it can, and with the next one when it is over. */
  #advance(): void {
    if (this.#ended !== undefined) return;
    if (this.#round !== undefined && !this.#hasQuorum(this.#round.checkpoint)) {
      this.#askForRound();
      // Whoever can be asked is being asked now: who cannot has failed a moment ago.
      if (this.#asking.size > 0) return;
    }
    if (this.#waiter !== undefined && this.#asking.size === 0) {
      this.#rejectWaiter(this.#quorumMissed(this.#waiter.checkpoint));
    }
    this.#scheduleRound();
  }

  /** Whether a quorum has cosigned this very checkpoint, and not only its tree before it was signed again. */
  #hasQuorum(checkpoint: PublishedCheckpoint): boolean {
    return this.cosigners(checkpoint).length >= this.#options.required;
  }

  #startRound(checkpoint: PublishedCheckpoint): void {
    this.#nextRound?.timer.stop();
    this.#nextRound = undefined;
    this.#round = { checkpoint, sinceMs: this.#options.clock.monotonic(), asked: new Set() };
    this.#askForRound();
  }

  /** Starts a round for what was signed last as soon as there is somebody who may be asked. */
  #scheduleRound(): void {
    const newest = this.#newest;
    if (newest === undefined) return;
    const free = this.#contacts.filter((contact) => !this.#asking.has(contact) && !contact.hasCosigned(newest));
    const dueMs = Math.max(
      (this.#round?.sinceMs ?? -Infinity) + this.#options.intervalMs,
      Math.min(...free.map(({ notBeforeMs }) => notBeforeMs)),
    );
    // Nobody is free: the end of a question leads here again.
    if (free.length === 0) return;
    const waitMs = dueMs - this.#options.clock.monotonic();
    if (waitMs <= 0) {
      this.#startRound(newest);
      return;
    }
    if (this.#nextRound !== undefined && this.#nextRound.dueMs <= dueMs) return;
    this.#nextRound?.timer.stop();
    const timer = this.#startTimer(() => {
      this.#nextRound = undefined;
      this.#advance();
    }, waitMs);
    this.#nextRound = { timer, dueMs };
  }

  #askForRound(): void {
    const round = this.#round;
    if (round === undefined) return;
    const nowMs = this.#options.clock.monotonic();
    for (const contact of this.#contacts) {
      const isFree = !this.#asking.has(contact) && contact.notBeforeMs <= nowMs;
      if (!isFree || round.asked.has(contact) || contact.hasCosigned(round.checkpoint)) continue;
      round.asked.add(contact);
      this.#asking.set(contact, this.#ask(contact, round.checkpoint));
    }
  }

  async #ask(contact: WitnessContact, checkpoint: PublishedCheckpoint): Promise<void> {
    const asked = await contact.ask(checkpoint);
    this.#asking.delete(contact);
    if (this.#ended !== undefined) return;
    if (asked?.kind === "forked") {
      this.#end(this.#options.onFork(asked.fork));
      return;
    }
    if (asked?.kind === "cosigned") this.#take(contact, checkpoint, asked.answer.cosignature);
    this.#advance();
  }

  #take(contact: WitnessContact, checkpoint: PublishedCheckpoint, cosignature: NoteSignature): void {
    const hasQuorum = this.#cosigned.add(checkpoint, contact.witness.name, cosignature);
    if (!hasQuorum) return;
    const { newest } = this.#cosigned;
    if (newest?.size === checkpoint.size) this.#options.onCosigned?.(newest);
    const waiter = this.#waiter;
    if (waiter === undefined || this.#cosigned.count(waiter.checkpoint) < this.#options.required) return;
    this.#waiter = undefined;
    waiter.timer.stop();
    waiter.resolve(this.complete(waiter.checkpoint));
  }

  #quorumMissed(checkpoint: PublishedCheckpoint): MayflyError {
    const count = this.#cosigned.count(checkpoint);
    const { required } = this.#options;
    return new MayflyError(
      "WITNESS_QUORUM_MISSED",
      `${count} of ${required} witnesses cosigned ${checkpoint.size} entries`,
    );
  }

  #rejectWaiter(error: MayflyError): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.timer.stop();
    waiter?.reject(error);
  }

  #end(error: MayflyError): void {
    this.#ended ??= error;
    this.#nextRound?.timer.stop();
    this.#rejectWaiter(error);
  }
}

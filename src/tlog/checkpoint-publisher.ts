import { MayflyError } from "../core/errors.ts";
import type { LogStore, PublishedCheckpoint, TreeHead } from "../ports/log-store.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import type { LogClock } from "./log-clock.ts";
import { requireSigned, signCheckpoint } from "./sign-checkpoint.ts";

/** What a {@link CheckpointPublisher} is made of. */
export interface PublisherOptions {
  readonly store: LogStore;
  readonly origin: string;
  readonly checkpointSigners: readonly CheckpointSigner[];
  readonly cosign?: (checkpoint: PublishedCheckpoint) => Promise<PublishedCheckpoint>;
  readonly onPublish?: (checkpoint: PublishedCheckpoint) => void;
}

/** Signs committed heads and moves the published checkpoint forward. Signs nothing that is not committed. */
export class CheckpointPublisher {
  readonly #options: PublisherOptions;
  readonly #clock: LogClock;
  #lastMs = 0;
  #publishedSize = 0;
  #stopped: MayflyError | undefined;

  constructor(options: PublisherOptions, clock: LogClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Entries that the published checkpoint is known to cover. */
  get publishedSize(): number {
    return this.#publishedSize;
  }

  /** The newest time that went into a signature. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /**
   * A time for a batch on a head of time `headMs`: later than that and than every signature.
   *
   * @throws MayflyError `log_unavailable` (LOG_CLOCK)
   */
  timeAfter(headMs: number): number {
    return this.#clock.timeAfter(Math.max(headMs, this.#lastMs));
  }

  /** Why {@link timeAfter} would refuse now, if it would; nearly free while the clock runs as it did. */
  clockRefusal(): MayflyError | undefined {
    return this.#clock.refusal(this.#lastMs);
  }

  /**
   * Compares what the store says with itself, then publishes its head under a new time.
   *
   * @throws MayflyError `log_failed`, or `log_unavailable` (LOG_CLOCK)
   */
  async start(): Promise<void> {
    const { store, origin } = this.#options;
    const [manifest, head, published] = await Promise.all([store.manifest(), store.head(), store.published()]);
    if (manifest.origin !== origin) throw new MayflyError("LOG_WRONG_KEY", "the store holds a log of another origin");
    if (published !== undefined) {
      if (published.size > head.size) {
        throw new MayflyError("LOG_ROLLED_BACK", `published ${published.size} entries, but holds ${head.size}`);
      }
      requireSameTree(published, head);
      this.#accept(published);
    }
    await this.publish(head, this.timeAfter(head.timestampMs));
  }

  /** Publishes the store's newest head under a new time. */
  async publishNewest(): Promise<void> {
    const head = await this.#options.store.head();
    await this.publish(head, this.timeAfter(head.timestampMs));
  }

  /**
   * Signs a committed head with every key, checks the tree head's signature, has it cosigned where witnesses come first, and publishes.
   *
   * @param timestampMs of the signatures, by default the head's
   * @throws MayflyError `log_failed` (LOG_CORRUPT) when a signature is wrong or another tree of this size was published;
   *   whatever signers and store throw
   */
  async publish(head: TreeHead, timestampMs = Math.max(head.timestampMs, this.#lastMs + 1)): Promise<void> {
    const { store, onPublish } = this.#options;
    const checkpoint = await this.#sign(head, timestampMs);
    const result = await store.publish(checkpoint);
    const current = result === "published" ? checkpoint : await store.published();
    if (current === undefined) throw new MayflyError("LOG_CORRUPT", "a checkpoint gave way to none");
    requireSameTree(current, head);
    this.#accept(current);
    onPublish?.(current);
  }

  /** Publishes nothing from now on, whatever is under way. */
  stop(error: MayflyError): void {
    this.#stopped ??= error;
  }

  /**
   * Signs the committed head a last time, has it cosigned as any checkpoint, verifies every line because none will replace
   * them, and freezes the store with it.
   *
   * @throws MayflyError what {@link publish} throws, and LOG_FROZEN when the store is frozen already
   */
  async freeze(): Promise<void> {
    const { store, onPublish } = this.#options;
    const head = await store.head();
    const final = await this.#sign(head, this.timeAfter(head.timestampMs));
    requireSigned(final, this.#options.checkpointSigners);
    await store.freeze(final);
    this.#accept(final);
    onPublish?.(final);
  }

  /** @throws MayflyError what signers and witnesses throw, or why nothing is to be published any more */
  async #sign({ size, root }: TreeHead, timestampMs: number): Promise<PublishedCheckpoint> {
    const { origin, checkpointSigners, cosign } = this.#options;
    // Counted before it is used: a signature that is made but lost must not share its time with another one.
    this.#lastMs = timestampMs;
    const signed = await signCheckpoint({ origin, size, root, timestampMs }, checkpointSigners);
    const checkpoint = cosign === undefined ? signed : await cosign(signed);
    if (this.#stopped !== undefined) throw this.#stopped;
    return checkpoint;
  }

  #accept({ size, timestampMs }: PublishedCheckpoint): void {
    this.#publishedSize = Math.max(this.#publishedSize, size);
    this.#lastMs = Math.max(this.#lastMs, timestampMs);
  }
}

/** Two trees of one size in one log would be a fork. */
function requireSameTree(published: PublishedCheckpoint, head: TreeHead): void {
  if (published.size === head.size && Buffer.compare(published.root, head.root) !== 0) {
    throw new MayflyError("LOG_CORRUPT", `two trees of size ${head.size}`);
  }
}

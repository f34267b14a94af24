import type { Config } from "../config/schema.ts";
import { describeCauses, MayflyError } from "../core/errors.ts";
import type { ProcessTelemetry } from "../adapters/telemetry/open-telemetry.ts";

/** How a process ends. */
export interface Shutdown {
  /** Resolves with the exit code when everything is closed. */
  readonly stopped: Promise<number>;
  /** Whether an end has been asked for: readiness says no from then on. */
  readonly begun: boolean;
  /** How long requests in flight may take to finish, milliseconds. */
  readonly drainMs: number;
  /** Ends in order. A second call skips the time in which requests are still taken. */
  stop(): void;
  /** Ends at once with exit code 1. */
  fail(error: unknown): void;
}

/** What is closed, and who is told. */
export interface ShutdownParts {
  /** Closed in reverse order of opening. */
  readonly resources: AsyncDisposableStack;
  readonly telemetry: ProcessTelemetry;
}

/** After a failure that only a restart mends, what is in flight has this long to get its refusal out. */
const FAILED_DRAIN_MS = 500;

/** Makes the one way in which a process ends, whoever asks for it. */
export function makeShutdown(times: Config["shutdown"], parts: ShutdownParts): Shutdown {
  return new OnceShutdown(times, parts);
}

/** A MayflyError says in words what happened; anything else is a bug, which the stack helps to find. */
function describeFailure(error: unknown): Record<string, string> {
  const known = error instanceof MayflyError || !Error.isError(error) || error.stack === undefined;
  return { error: describeCauses(error), ...(known ? {} : { stack: error.stack }) };
}

class OnceShutdown implements Shutdown {
  readonly #times: Config["shutdown"];
  readonly #parts: ShutdownParts;
  readonly #ended = Promise.withResolvers<number>();
  readonly #skipLameDuck = Promise.withResolvers<undefined>();
  #begun = false;
  #failed = false;

  constructor(times: Config["shutdown"], parts: ShutdownParts) {
    this.#times = times;
    this.#parts = parts;
  }

  get stopped(): Promise<number> {
    return this.#ended.promise;
  }

  get begun(): boolean {
    return this.#begun;
  }

  get drainMs(): number {
    return this.#failed ? FAILED_DRAIN_MS : this.#times.drainSeconds * 1000;
  }

  stop(): void {
    if (this.#begun) this.#skipLameDuck.resolve(undefined);
    else this.#begin("stopping");
  }

  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#parts.telemetry.notice("error", "failed; only a restart can mend this", describeFailure(error));
    this.#skipLameDuck.resolve(undefined);
    if (!this.#begun) this.#begin("stopping after a failure");
  }

  #begin(message: string): void {
    this.#begun = true;
    this.#parts.telemetry.notice("info", message);
    void this.#end();
  }

  async #end(): Promise<void> {
    if (!this.#failed) await this.#lameDuck();
    const limit = setTimeout(
      () => {
        this.#parts.telemetry.notice("error", "closing took too long; ended without waiting for it");
        this.#ended.resolve(1);
      },
      this.drainMs + this.#times.closeSeconds * 1000,
    );
    try {
      await this.#parts.resources.disposeAsync();
    } catch {
      // Each part has said what went wrong where it happened; the process ends with a failure.
      this.#failed = true;
    }
    clearTimeout(limit);
    this.#ended.resolve(this.#failed ? 1 : 0);
  }

  /** Requests are still taken while readiness says no, so that a load balancer can turn elsewhere. */
  async #lameDuck(): Promise<void> {
    const timer = setTimeout(() => {
      this.#skipLameDuck.resolve(undefined);
    }, this.#times.lameDuckSeconds * 1000);
    await this.#skipLameDuck.promise;
    clearTimeout(timer);
  }
}

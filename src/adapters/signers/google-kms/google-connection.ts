import { untilAborted } from "../remote/until-aborted.ts";
import { googleFailure } from "./google-failure.ts";

/** A client, and how many of its calls were answered, whatever the answer was. */
interface Link<Client> {
  readonly client: Client;
  answers: number;
}

/**
 * The client that calls are made with. All calls of a client of gRPC share one connection, and when its other end is gone
 * without a word (a firewall that has forgotten it, a node that lost its power) nothing but silence tells: the operating
 * system gives it up after a quarter of an hour. So a client is replaced after a call that had no answer, unless
 * another call had one meanwhile.
 */
export class GoogleConnection<Client extends { close(): Promise<void> }> {
  readonly #connect: () => Client;
  #link: Link<Client> | undefined;

  constructor(connect: () => Client) {
    this.#connect = connect;
  }

  /** @throws KeyFailure; the signal's reason */
  async call<T>(ask: (client: Client) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const link = (this.#link ??= { client: this.#connect(), answers: 0 });
    const answersBefore = link.answers;
    try {
      const answer = await untilAborted(ask(link.client), signal);
      link.answers++;
      return answer;
    } catch (error) {
      const failure = signal.aborted ? undefined : googleFailure(error);
      const isSilent = failure === undefined || failure.kind === "timeout";
      if (!isSilent) link.answers++;
      else if (link.answers === answersBefore) void this.#giveUp(link);
      throw failure ?? signal.reason;
    }
  }

  /** Twice is fine. */
  async close(): Promise<void> {
    if (this.#link !== undefined) await this.#giveUp(this.#link);
  }

  /** Calls that are under way end as they would have; a client that never came to be has nothing to close. */
  async #giveUp(link: Link<Client>): Promise<void> {
    if (this.#link === link) this.#link = undefined;
    await link.client.close().catch(() => undefined);
  }
}

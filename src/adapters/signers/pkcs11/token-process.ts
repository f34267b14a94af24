import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { hash } from "node:crypto";
import { extname } from "node:path";
import { KeyFailure } from "../remote/key-failure.ts";
import type { PublicAttributes, TokenCall, TokenChoice, TokenReply, TokenRequest } from "./token-calls.ts";
import { isMendedAnew, tokenFailure } from "./token-failure.ts";

type Result = Uint8Array | PublicAttributes | undefined;

/** A call that its caller has given up keeps its session; after so long the process is ended instead. */
const STUCK_MS = 5_000;
/** For what is under way, and again for logging out. */
const FINISH_MS = 2_000;
/** Threads of the process: calls that a module is in at the same time, of all keys together. */
const THREADS = 64;

interface Pending {
  readonly resolve: (result: Result) => void;
  readonly reject: (failure: KeyFailure | TokenRefusal) => void;
}

/**
 * The process that a module runs in: started by the first call, and anew by the call after its end, whether it crashed, hung
 * or its token was gone.
 */
export class TokenProcess {
  readonly #path: string;
  #current: RunningModule | undefined;
  readonly #underWay = new Map<string, Promise<void>>();
  /** PINs that a token has refused, by their hash: they are not tried again. */
  readonly #refusedPins = new Set<string>();
  #logins = 0;
  #isClosed = false;

  /** @param path the module */
  constructor(path: string) {
    this.#path = path;
  }

  /** How often somebody had to log in again. */
  get renewals(): number {
    return Math.max(0, this.#logins - 1);
  }

  /**
   * Makes a call, logging in before it where that is needed. It cannot be cut: what comes settles when the module has
   * answered, or the process has ended.
   *
   * @param readPin reads it anew, and may throw
   * @throws KeyFailure
   */
  async call(call: Exclude<TokenCall, { kind: "log-in" }>, readPin: () => string): Promise<Result> {
    try {
      return await this.#ask(call);
    } catch (error) {
      if (!(error instanceof TokenRefusal) || error.fault !== "LOGIN_NEEDED") throw failureOf(error);
    }
    await this.#logIn(call.token, readPin);
    try {
      return await this.#ask(call);
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** A call whose caller waits no longer is about to be stuck. */
  giveUp(call: Promise<unknown>): void {
    const running = this.#current;
    const timer = setTimeout(() => {
      if (running !== undefined) this.#leave(running);
      running?.kill();
    }, STUCK_MS);
    timer.unref();
    const settle = (): void => {
      clearTimeout(timer);
    };
    call.then(settle, settle);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#current;
    this.#current = undefined;
    await running?.finish();
  }

  /** Once for all callers: each wrong PIN counts. */
  async #logIn(token: TokenChoice, readPin: () => string): Promise<void> {
    const name = JSON.stringify(token);
    const underWay =
      this.#underWay.get(name) ??
      this.#logInNow(token, readPin).finally(() => {
        this.#underWay.delete(name);
      });
    this.#underWay.set(name, underWay);
    await underWay;
  }

  async #logInNow(token: TokenChoice, readPin: () => string): Promise<void> {
    const pin = readPin();
    const fingerprint = hash("sha256", `${JSON.stringify(token)} ${pin}`);
    if (this.#refusedPins.has(fingerprint)) {
      throw new KeyFailure("denied", "the token has refused this PIN already, and it is not tried again");
    }
    try {
      await this.#ask({ kind: "log-in", token, pin });
      this.#logins++;
    } catch (error) {
      if (error instanceof TokenRefusal && error.fault.startsWith("CKR_PIN_")) this.#refusedPins.add(fingerprint);
      throw failureOf(error);
    }
  }

  async #ask(call: TokenCall): Promise<Result> {
    // A login or a second attempt that follows the first call would start another process, which nobody ends.
    if (this.#isClosed) throw new KeyFailure("closed", "the key is closed");
    this.#current ??= new RunningModule(this.#path, (ended) => {
      this.#leave(ended);
    });
    const running = this.#current;
    try {
      return await running.ask(call);
    } catch (error) {
      if (error instanceof TokenRefusal && isMendedAnew(error.fault)) {
        this.#leave(running);
        void running.finish();
      }
      throw error;
    }
  }

  #leave(running: RunningModule): void {
    if (this.#current === running) this.#current = undefined;
  }
}

class TokenRefusal extends Error {
  readonly fault: string;

  constructor(fault: string) {
    super(fault);
    this.fault = fault;
  }
}

const failureOf = (error: unknown): unknown => (error instanceof TokenRefusal ? tokenFailure(error.fault) : error);

class RunningModule {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #finishing: Promise<void> | undefined;

  constructor(path: string, onEnd: (ended: RunningModule) => void) {
    this.#child = fork(new URL(`./token-process-main${extname(import.meta.url)}`, import.meta.url), [path], {
      serialization: "advanced",
      execArgv: [],
      // Modules read their own settings from the environment.
      env: { ...process.env, NODE_OPTIONS: "", UV_THREADPOOL_SIZE: String(THREADS) },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#ended = promise;
    const end = (how: string): void => {
      onEnd(this);
      for (const { reject } of this.#pending.values()) {
        reject(new KeyFailure("unavailable", `the module's process has ended: ${how}`));
      }
      this.#pending.clear();
      resolve(undefined);
    };
    this.#child.on("message", (reply) => {
      this.#settle(reply as TokenReply);
    });
    this.#child.once("exit", (code, signal) => {
      end(signal ?? `status ${code ?? "unknown"}`);
    });
    this.#child.on("error", () => {
      end("it cannot be started");
    });
    // Whoever waits for an answer has a timer of his own.
    this.#child.unref();
    this.#child.channel?.unref();
  }

  ask(call: TokenCall): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const request: TokenRequest = { id: ++this.#lastId, call };
    this.#pending.set(request.id, { resolve, reject });
    // An error here is followed by the exit, and where there is no connection the process was never started, as is told soon.
    if (this.#child.connected) this.#child.send(request, () => undefined);
    return promise;
  }

  /** Waits a little for what is under way, logs out and ends; twice is fine. */
  async finish(): Promise<void> {
    this.#finishing ??= this.#finishNow();
    await this.#finishing;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #finishNow(): Promise<void> {
    const late = setTimeout(() => {
      this.#disconnect();
    }, FINISH_MS);
    const tooLate = setTimeout(() => {
      this.kill();
    }, 2 * FINISH_MS);
    if (this.#pending.size === 0) this.#disconnect();
    await this.#ended;
    clearTimeout(late);
    clearTimeout(tooLate);
  }

  #disconnect(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #settle(reply: TokenReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("fault" in reply) pending?.reject(new TokenRefusal(reply.fault));
    else pending?.resolve(reply.result);
    if (this.#finishing !== undefined && this.#pending.size === 0) this.#disconnect();
  }
}

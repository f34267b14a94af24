import type { ChildProcess } from "node:child_process";
import type fsTypes from "node:fs";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";

/*
 * Loaded before every test file. When the whole suite runs (`npm test`), everything the product puts out is kept in one
 * folder, where it is searched for secrets at the end: what its processes print, and the logs, audit trails and databases
 * in the folders that tests remove. What is secret is learnt where it is made: signatures over a token or a challenge.
 */

// Imported, they would be copied for the test file as they are now, and what is changed here would come too late.
const childProcess = process.getBuiltinModule("node:child_process");
const crypto = process.getBuiltinModule("node:crypto");
const fs = process.getBuiltinModule("node:fs");
const promises = process.getBuiltinModule("node:fs/promises");

const folder = process.env["MAYFLY_TEST_OUTPUT"];

/** Files that the product writes, by name; what tests write beside them (configurations, passphrases) is left alone. */
const WRITTEN = /^(?:.*\.log|.*\.jsonl|head\.note|.*\.sqlite(?:-wal)?)$/u;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** A JWS signing input (RFC 7515 §5.1), or the challenge of a proof: an e-mail address or `sub` in visible ASCII. */
const TOKEN_OR_CHALLENGE = /^[\x21-\x7e]{1,8192}$/u;

/** Adds to what was printed. Does nothing outside a run of the whole suite. */
export function keepOutput(text: string | Uint8Array): void {
  if (folder !== undefined) fs.appendFileSync(join(folder, `printed-${String(process.pid)}.txt`), text);
}

/** Registers what no output may hold, in the forms in which bytes are written. Does nothing outside a run of the whole suite. */
export function registerSecret(secret: string | Uint8Array): void {
  if (folder === undefined) return;
  const bytes = Buffer.from(secret);
  const forms = [bytes.toString("base64"), bytes.toString("base64url"), bytes.toString("hex")];
  if (typeof secret === "string") forms.push(secret);
  fs.appendFileSync(join(folder, "secrets"), forms.map((form) => `${form}\n`).join(""));
}

/** Registers a token of parts with dots between them, but for the first one, which many tokens share. */
export function registerToken(token: string): void {
  registerSecret(token.slice(token.indexOf(".") + 1));
}

function keepWritten(path: string): void {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) for (const name of fs.readdirSync(path)) keepWritten(join(path, name));
  else if (stat?.isFile() === true && WRITTEN.test(basename(path)) && stat.size <= MAX_FILE_BYTES) {
    fs.copyFileSync(path, join(folder ?? "", `written-${crypto.randomUUID()}-${basename(path)}`));
  }
}

/** Before a folder is removed, what the product wrote into it is kept. */
function watchRemovals(): void {
  const { rmSync } = fs;
  const { rm } = promises;
  const keep = (path: fsTypes.PathLike): void => {
    // A folder that its owner made unreadable is removed with difficulty, too.
    try {
      keepWritten(String(path));
    } catch (error) {
      keepOutput(`not kept: ${String(error)}\n`);
    }
  };
  Object.assign(fs, {
    rmSync: (path: fsTypes.PathLike, options?: fsTypes.RmOptions) => {
      keep(path);
      rmSync(path, options);
    },
  });
  Object.assign(promises, {
    rm: async (path: fsTypes.PathLike, options?: fsTypes.RmOptions) => {
      keep(path);
      await rm(path, options);
    },
  });
}

/** What comes through the pipes of a Node.js process that a test started; other programs are not ours. */
function watchProcesses(): void {
  const { spawn, spawnSync, execFileSync } = childProcess;
  const isOurs = (command: unknown): boolean => command === process.execPath || command === "npm";
  const tee = (stream: Readable | null): void => {
    if (stream === null) return;
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding) => {
      if (chunk instanceof Uint8Array) keepOutput(chunk);
      return push(chunk, encoding);
    };
  };
  Object.assign(childProcess, {
    spawn: (...args: Parameters<typeof spawn>): ChildProcess => {
      const child = spawn(...args);
      if (isOurs(args[0])) for (const stream of [child.stdout, child.stderr]) tee(stream);
      return child;
    },
    spawnSync: (...args: Parameters<typeof spawnSync>) => {
      const result = spawnSync(...args);
      if (isOurs(args[0])) for (const printed of result.output) if (printed !== null) keepOutput(printed);
      return result;
    },
    execFileSync: (...args: Parameters<typeof execFileSync>) => {
      const printed = execFileSync(...args);
      if (isOurs(args[0])) keepOutput(printed);
      return printed;
    },
  });
}

/** Proofs and the signatures of tokens, whoever makes them: over text, while certificates and the log sign bytes. */
function watchSignatures(): void {
  const sign = crypto.sign as (...args: readonly unknown[]) => unknown;
  Object.assign(crypto, {
    sign: (...args: readonly unknown[]) => {
      const signature = sign(...args);
      learn(args[1], signature);
      return signature;
    },
  });
  const subtle = Object.getPrototypeOf(crypto.webcrypto.subtle) as typeof crypto.webcrypto.subtle;
  const signLater = Reflect.get(subtle, "sign");
  Object.assign(subtle, {
    async sign(this: unknown, ...args: Parameters<typeof signLater>) {
      const signature = await signLater.apply(this as typeof subtle, args);
      learn(args[2], new Uint8Array(signature));
      return signature;
    },
  });
}

function learn(data: unknown, signature: unknown): void {
  if (!(data instanceof Uint8Array) || !(signature instanceof Uint8Array)) return;
  if (TOKEN_OR_CHALLENGE.test(Buffer.from(data).toString("latin1"))) registerSecret(signature);
}

/** Node's own modules are the same for all test files of one worker: they are watched once. */
const WATCHED = Symbol.for("mayfly.test-output");

if (folder !== undefined && !(WATCHED in fs)) {
  Object.assign(fs, { [WATCHED]: true });
  watchRemovals();
  watchProcesses();
  watchSignatures();
}

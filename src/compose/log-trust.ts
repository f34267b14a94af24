import { openFolderFiles } from "../adapters/log-source/folder-files.ts";
import type { LogFiles } from "../adapters/log-source/log-files.ts";
import { isUrl, openStaticCtSource } from "../adapters/log-source/static-ct.ts";
import { openUrlReader } from "../adapters/log-source/url-reader.ts";
import { parseLogKey } from "../core/ct/log-key.ts";
import { decodeBase64 } from "../core/encoding/base64.ts";
import { isJsonObject, JsonError, parseJson } from "../core/encoding/json-reader.ts";
import { MayflyError } from "../core/errors.ts";
import { parseCheckpoint } from "../core/note/checkpoint.ts";
import { NoteError } from "../core/note/note-error.ts";
import { parseSignedNote } from "../core/note/signed-note.ts";
import type { VerifierKey } from "../core/note/verifier-key.ts";
import type { LogTrust } from "../ctlog/trusted-checkpoint.ts";
import type { LogManifest } from "../ports/log-store.ts";
import type { OnProblem } from "../tlog/log-problem.ts";

/** What a person says about whom to believe; nothing of it need be said when an earlier verification knows. */
export interface TrustRequest {
  /** DER SubjectPublicKeyInfo of the key that signs tree heads. */
  readonly logKeySpki?: Uint8Array;
  /** The key of plain Ed25519 signatures on checkpoints. */
  readonly checkpointKey?: VerifierKey;
  /** First line of the log's checkpoints. */
  readonly origin?: string;
  /** Logs of one's own, of which the one with the right origin is meant. */
  readonly manifests?: readonly LogManifest[];
  /** Believe the key that the log itself gives out. */
  readonly isFirstUseTrusted?: boolean;
}

/** Keys and name by which a log is known. */
export interface KnownLog {
  readonly trust: LogTrust;
  readonly logKeySpki: Uint8Array | undefined;
}

/**
 * Finds out by which keys a log is verified.
 *
 * @param onNotice told what was believed without anybody having said so
 * @throws MayflyError `log_failed`: LOG_WRONG_KEY when there is no key to believe, SOURCE_UNAVAILABLE, SOURCE_INVALID
 */
export async function chooseTrust(location: string, request: TrustRequest, onNotice: OnProblem): Promise<KnownLog> {
  const { logKeySpki, checkpointKey, manifests } = request;
  if (logKeySpki !== undefined || checkpointKey !== undefined) {
    return knownLog(logKeySpki, checkpointKey, request.origin ?? (await statedOrigin(location, request, onNotice)));
  }
  if (manifests !== undefined) return knownByManifest(location, manifests, request);
  if (request.isFirstUseTrusted === true) return knownByItself(location, request, onNotice);
  throw new MayflyError("LOG_WRONG_KEY", "no key to verify the log's checkpoint with");
}

function knownLog(
  logKeySpki: Uint8Array | undefined,
  checkpointKey: VerifierKey | undefined,
  origin: string,
): KnownLog {
  return {
    logKeySpki,
    trust: {
      origin,
      ...(logKeySpki === undefined ? {} : { logKey: parseLogKey(logKeySpki) }),
      ...(checkpointKey === undefined ? {} : { checkpointKey }),
    },
  };
}

/** Checkpoints are called like the key that signs them (C2SP signed-note). Without such a key, the log itself is asked. */
async function statedOrigin(location: string, { checkpointKey }: TrustRequest, onNotice: OnProblem): Promise<string> {
  if (checkpointKey !== undefined) return checkpointKey.name;
  const origin = (await originOfCheckpoint(location)) ?? originOfUrl(location);
  onNotice({ where: "checkpoint", what: `nobody said which log is meant: this one calls itself ${origin}` });
  return origin;
}

async function knownByManifest(
  location: string,
  manifests: readonly LogManifest[],
  { origin }: TrustRequest,
): Promise<KnownLog> {
  const names = [origin ?? originOfUrl(location), origin ?? (await originOfCheckpoint(location))];
  const manifest = manifests.find((each) => names.includes(each.origin));
  if (manifest !== undefined) return knownLog(manifest.logPublicKey, undefined, manifest.origin);
  throw new MayflyError("LOG_WRONG_KEY", `the configuration has no log of this origin: ${names.at(-1) ?? "unknown"}`);
}

const MAX_DESCRIPTION_BYTES = 65_536;
const DESCRIPTION = "log.v3.json";

async function knownByItself(location: string, { origin }: TrustRequest, onNotice: OnProblem): Promise<KnownLog> {
  const { key, submissionUrl } = await readDescription(location);
  onNotice({
    where: DESCRIPTION,
    what: "THE KEY IS THE ONE THAT THE LOG GIVES OUT ITSELF: compare the log id with what its operator told you elsewhere",
  });
  return knownLog(key, undefined, origin ?? originOfUrl(submissionUrl));
}

/** Key and name in a log's description of itself, in the format of log lists. */
async function readDescription(
  location: string,
): Promise<{ readonly key: Uint8Array; readonly submissionUrl: string }> {
  const bytes = await readFileOfLog(location, DESCRIPTION);
  const invalid = (cause?: unknown): MayflyError =>
    new MayflyError("SOURCE_INVALID", `${location} has no ${DESCRIPTION} with a key and a submission URL`, { cause });
  if (bytes === undefined) throw invalid();
  try {
    const description = parseJson(bytes, { maxDepth: 8, maxMembers: 1_000 });
    const member = (name: string): unknown => (isJsonObject(description) ? description.get(name) : undefined);
    const [key, submissionUrl] = [member("key"), member("submission_url")];
    const spki = typeof key === "string" ? decodeBase64(key) : undefined;
    if (spki !== undefined && typeof submissionUrl === "string") return { key: spki, submissionUrl };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw invalid(cause);
  }
  throw invalid();
}

async function readFileOfLog(location: string, path: string): Promise<Uint8Array | undefined> {
  const files = isUrl(location) ? filesOfUrl(location) : await openFolderFiles(location);
  try {
    return await files.read(path, MAX_DESCRIPTION_BYTES);
  } finally {
    await files.close();
  }
}

function filesOfUrl(url: string): Pick<LogFiles, "read" | "close"> {
  const reader = openUrlReader(url);
  return { read: (path, maxBytes) => reader.get(path, maxBytes), close: () => reader.close() };
}

/** What a static log's checkpoint calls itself, whoever signed it; undefined when there is none. */
async function originOfCheckpoint(location: string): Promise<string | undefined> {
  const source = await openStaticCtSource(location);
  try {
    return parseCheckpoint(parseSignedNote(await source.checkpoint()).text).origin;
  } catch (error) {
    const isNoCheckpoint =
      error instanceof NoteError || (error instanceof MayflyError && error.reason === "SOURCE_INVALID");
    if (isNoCheckpoint) return undefined;
    throw error;
  } finally {
    await source.close();
  }
}

/** A log's URL without scheme and trailing slash (C2SP static-ct-api). */
function originOfUrl(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\//iu, "").replace(/\/$/u, "");
}

import { openRfc6962Source, type Rfc6962LogName } from "../adapters/log-source/rfc6962.ts";
import type { SourceOptions } from "../adapters/log-source/source-options.ts";
import { isUrl, openStaticCtSource } from "../adapters/log-source/static-ct.ts";
import { MayflyError } from "../core/errors.ts";
import type { LogSource } from "../ports/log-source.ts";

/** How a log is opened whose kind need not be known. */
export interface OpenLogSourceOptions extends SourceOptions {
  /** How the log is read; found out when left out. A folder is always `static-ct`. */
  readonly kind?: "static-ct" | "rfc6962";
  /** SHA-256 of the DER SubjectPublicKeyInfo of the log's key; without it no RFC 6962 log is opened. */
  readonly logId?: Uint8Array;
  /** What an RFC 6962 log's checkpoints are called; its URL without scheme and trailing slash when left out. */
  readonly origin?: string;
}

/**
 * Opens a log to read: a folder of files, or a URL. A URL whose `checkpoint` answers is a static log (C2SP
 * static-ct-api), one whose `ct/v1/get-sth` does an RFC 6962 log.
 *
 * @throws MayflyError `log_failed`: SOURCE_INVALID when there is neither, SOURCE_UNAVAILABLE when nobody answers
 */
export async function openLogSource(location: string, options: OpenLogSourceOptions = {}): Promise<LogSource> {
  const { kind, logId, origin, ...rest } = options;
  const name = logId === undefined ? undefined : { logId, ...(origin === undefined ? {} : { origin }) };
  if (kind === "rfc6962") return openRfc6962(location, name, rest);
  const files = await openStaticCtSource(location, rest);
  if (kind === "static-ct" || !isUrl(location) || (await answers(files))) return files;
  await files.close();
  return openRfc6962(location, name, rest);
}

/** Whether a source has a checkpoint, of whatever worth. */
async function answers(source: LogSource): Promise<boolean> {
  try {
    await source.checkpoint();
    return true;
  } catch (error) {
    if (error instanceof MayflyError && error.reason === "SOURCE_INVALID") return false;
    await source.close();
    throw error;
  }
}

async function openRfc6962(url: string, name: Rfc6962LogName | undefined, options: SourceOptions): Promise<LogSource> {
  if (name === undefined) {
    throw new MayflyError(
      "SOURCE_INVALID",
      `${url} is no static log, and a tree head can be used with the log's key only`,
    );
  }
  const source = openRfc6962Source(url, name, options);
  if (await answers(source)) return source;
  await source.close();
  throw new MayflyError("SOURCE_INVALID", `${url} has neither a checkpoint nor a tree head`);
}

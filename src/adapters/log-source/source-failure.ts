import { MayflyError } from "../../core/errors.ts";

/** The failure of a log that answers with something else than was asked for. `location` is the URL or file. */
export function sourceInvalid(location: string, what: string, cause?: unknown): MayflyError {
  return new MayflyError("SOURCE_INVALID", `${location} ${what}`, { cause });
}

/** The failure of a log that does not answer. `location` is the URL or file. */
export function sourceUnavailable(location: string, what: string, cause?: unknown): MayflyError {
  return new MayflyError("SOURCE_UNAVAILABLE", `${location} ${what}`, { cause });
}

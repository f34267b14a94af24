import { MayflyError } from "../../errors.ts";
import { escapeUriPath } from "../certificate-uri.ts";
import { joinPieces } from "./evaluate-template.ts";
import type { Piece } from "./evaluate-template.ts";

const MAX_URI_BYTES = 2048;

const ORIGIN = /^https?:\/\/[^/?#]*/u;

/** Scheme and authority of whatever a reader that follows WHATWG's URL standard takes for a URL of the web. */
const LOOSE_ORIGIN = /^\s*https?:[/\\]*[^/\\?#]*/iu;

/**
 * What a claim that is not empty may not bring into a path: what would end it, or would be read as a separator by a reader
 * that follows WHATWG's URL standard, and segments that are empty or blank.
 */
const UNFIT = /[?#\\]|(?:^|\/)\s*(?:\/|$)/u;

/** The same of a claim that begins with the host, which may have empty segments behind it. */
const UNFIT_BEHIND_HOST = /[?#\\]|\/\s+(?:\/|$)/u;

/** Segments that lead elsewhere, and escapes of `.`, `/` and `\`: a reader that decodes before it splits would see others. */
const ASTRAY = /\/\.\.?(?:[/?#]|$)|%(?:2e|2f|5c)/iu;

/** What ends a segment. */
const SEGMENT_END = /^(?:[/?#]|$)/u;

/** Scheme and authority of a URL (RFC 3986 §3): `https://host` or `https://host:port`; undefined for any other text. */
export function originOf(url: string): string | undefined {
  return ORIGIN.exec(url)?.[0];
}

/**
 * The text that the pieces of an extension's value make together. Where it is a URL, no claim decides where it leads: scheme
 * and host are the operator's text, or, where claims reach into them, an origin that `isOwn` permits; behind them claims stay
 * inside the path: no empty or blank segments, no `.` and `..`, nothing that ends a path, and no escapes that hide such
 * things. A claim that begins with the host may have empty segments behind it, as GitLab writes between a project and a file
 * in it. A value that is one claim and nothing else is what the issuer says, whatever it looks like.
 *
 * @returns the bare concatenation, which may hold characters beyond ASCII
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function assembleValue(pieces: readonly Piece[], isOwn: (origin: string) => boolean): string {
  const text = joinPieces(pieces);
  const origin = pieces.length > 1 ? LOOSE_ORIGIN.exec(text)?.[0] : undefined;
  if (origin !== undefined) checkUri(pieces, text.slice(origin.length), { origin, isOwn });
  return text;
}

/**
 * A URL as a subjectAltName: {@link assembleValue} of an absolute ASCII URI (RFC 5280 §4.2.1.6, RFC 3986 §3). Characters
 * that a URI cannot hold are percent-encoded exactly as Go's net/url does it, so the name is the one Fulcio would write.
 *
 * @throws MayflyError SAN_NOT_PERMITTED
 */
export function assembleSubjectUri(pieces: readonly Piece[], isOwn: (origin: string) => boolean): string {
  const text = joinPieces(pieces);
  const origin = originOf(text);
  if (origin === undefined) throw refusal(pieces, "makes no absolute URL");
  const path = text.slice(origin.length);
  checkUri(pieces, path, { origin, isOwn });
  const escaped = escapeUriPath(path);
  if (escaped === undefined) throw refusal(pieces, "mixes percent-encoding with characters that a URI cannot hold");
  if (origin.length + escaped.length > MAX_URI_BYTES) throw refusal(pieces, "makes a URI longer than 2,048 bytes");
  return origin + escaped;
}

interface Origin {
  readonly origin: string;
  readonly isOwn: (origin: string) => boolean;
}

function checkUri(pieces: readonly Piece[], path: string, { origin, isOwn }: Origin): void {
  if (!isFixed(pieces, origin) && !isOwn(origin)) {
    throw refusal(pieces, "names a host that is neither the issuer's nor configured");
  }
  let start = -origin.length;
  for (const { text, claim } of pieces) {
    if (claim !== undefined && !fitsPath(text, { path, start })) throw refused(claim, NO_FIT);
    start += text.length;
  }
  if (ASTRAY.test(path)) throw refusal(pieces, NO_FIT);
}

const NO_FIT = "does not fit into the path of a URI";

/** Whether the operator's text ends the authority too: a claim right behind a host would go on with it. */
function isFixed(pieces: readonly Piece[], origin: string): boolean {
  let length = 0;
  for (const { text, claim } of pieces) {
    if (claim !== undefined) return origin.length < length;
    length += text.length;
  }
  return true;
}

/** @param start of the value in the path; negative as far as the value belongs to scheme and host */
function fitsPath(value: string, { path, start }: { readonly path: string; readonly start: number }): boolean {
  if (value === "") return path[start - 1] !== "/" || !SEGMENT_END.test(path.slice(start));
  return start < 0 ? !UNFIT_BEHIND_HOST.test(value.slice(-start)) : !UNFIT.test(value);
}

/** Names the claims of the pieces, as it takes more than one of them to be wrong together. */
function refusal(pieces: readonly Piece[], why: string): MayflyError {
  const claims = new Set(pieces.flatMap(({ claim }) => claim ?? []));
  return refused([...claims].join(", "), why);
}

function refused(claim: string, why: string): MayflyError {
  return new MayflyError("SAN_NOT_PERMITTED", `the ${claim} claim ${why}`);
}

import { JWS_ALGORITHMS } from "../../../src/core/identity/jws-algorithms.ts";

/** A token as it reads; numbers are `{ kind: "number", text }`, objects are maps. */
export interface SlowToken {
  readonly header: { readonly alg: unknown; readonly kid?: unknown; readonly typ?: unknown };
  readonly claims: ReadonlyMap<string, unknown>;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Bit by bit (RFC 4648 §5, without padding); what is left over must be less than a character and zero (§3.5). */
function slowlyDecode(part: string): Uint8Array | undefined {
  let bits = "";
  for (const character of part) {
    const value = ALPHABET.indexOf(character);
    if (value === -1) return undefined;
    bits += value.toString(2).padStart(6, "0");
  }
  const whole = bits.length - (bits.length % 8);
  const rest = bits.slice(whole);
  if (rest.length >= 6 || rest.includes("1")) return undefined;
  return Uint8Array.from(bits.slice(0, whole).match(/.{8}/gu) ?? [], (octet) => Number.parseInt(octet, 2));
}

/** The signs and scalars of a text that is JSON. */
const LEXEME = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gu;

/** How a text that is JSON is built: nesting, members and elements, and whether an object has a name twice. */
function shapeOf(text: string): { readonly depth: number; readonly members: number; readonly isAmbiguous: boolean } {
  const lexemes = text.match(LEXEME) ?? [];
  const open: Set<string>[] = [];
  let [depth, members, isAmbiguous] = [0, 0, false];
  for (const [at, lexeme] of lexemes.entries()) {
    if (lexeme === "{" || lexeme === "[") {
      open.push(new Set());
      depth = Math.max(depth, open.length);
      if (lexemes[at + 1] !== "}" && lexemes[at + 1] !== "]") members++;
    } else if (lexeme === "}" || lexeme === "]") {
      open.pop();
    } else if (lexeme === ",") {
      members++;
    } else if (lexemes[at + 1] === ":") {
      const name = JSON.parse(lexeme) as string;
      if (open.at(-1)?.has(name) === true) isAmbiguous = true;
      open.at(-1)?.add(name);
    }
  }
  return { depth, members, isAmbiguous };
}

/** JSON.parse, with objects as maps and numbers as they are written. */
function parseExactly(text: string): unknown {
  const revive = (_name: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value === "number") return { kind: "number", text: context?.source };
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return new Map(Object.entries(value));
  };
  return JSON.parse(text, revive) as unknown;
}

function areWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (Array.isArray(value)) return value.every(areWellFormed);
  return !(value instanceof Map) || [...value].flat().every(areWellFormed);
}

function slowlyReadObject(part: string): ReadonlyMap<string, unknown> | undefined {
  const bytes = slowlyDecode(part);
  if (bytes === undefined) return undefined;
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = parseExactly(text);
  } catch {
    return undefined;
  }
  const { depth, members, isAmbiguous } = shapeOf(text);
  if (isAmbiguous || depth > 8 || members > 2000 || !areWellFormed(value)) return undefined;
  return value instanceof Map ? (value as ReadonlyMap<string, unknown>) : undefined;
}

/** Taken apart in the plainest way there is; undefined for one that may not be read. */
export function slowlyParseToken(token: string): SlowToken | undefined {
  const parts = token.split(".");
  if (token.length > 16_384 || parts.length !== 3 || parts.includes("")) return undefined;
  const [first = "", second = "", third = ""] = parts;
  const [header, claims] = [slowlyReadObject(first), slowlyReadObject(second)];
  if (header === undefined || claims === undefined || slowlyDecode(third) === undefined) return undefined;
  if (first.length > 4096 || claims.size > 200) return undefined;
  const { alg, kid = "", typ = "", ...others } = Object.fromEntries(header);
  if (["b64", "crit", "cty", "enc", "epk", "p2c", "p2s", "zip"].some((name) => name in others)) return undefined;
  if (!JWS_ALGORITHMS.some((known) => known === alg) || typeof kid !== "string" || kid.length > 256) return undefined;
  if (typeof typ !== "string") return undefined;
  return { header: { alg, ...(kid === "" ? {} : { kid }), ...(header.has("typ") ? { typ } : {}) }, claims };
}

import type { Call, Entrance, HeaderField, HttpCall } from "./call.ts";
import { signingCall } from "./signing-call.ts";
import type { SigningFields } from "./signing-call.ts";
import type { TokenSource } from "./token-source.ts";

/** A request that Fulcio and Mayfly get alike. */
export interface DifferentialRequest {
  /** Unique in its group. */
  readonly name: string;
  readonly entrances: readonly Entrance[];
  /** The rows of `docs/divergences.md`, by their first cells, that say how the answers differ; none: they are the same. */
  readonly rows: (entrance: Entrance) => readonly string[];
  /** Makes the call anew, with tokens of now. */
  readonly call: (entrance: Entrance, source: TokenSource) => Call;
}

/** Rows that hold at every entrance, or at those named. */
export type Rows = readonly string[] | Readonly<Partial<Record<Entrance, readonly string[]>>>;

const EVERYWHERE: readonly Entrance[] = ["http-v2", "http-v1", "grpc-v2", "grpc-v1"];

const rowsOf = (rows: Rows) => (entrance: Entrance) => (isList(rows) ? rows : (rows[entrance] ?? []));

const isList = (rows: Rows): rows is readonly string[] => Array.isArray(rows);

/** What is special about a signing request. */
export interface SigningOptions {
  readonly rows?: Rows;
  readonly entrances?: readonly Entrance[];
}

/** A signing request, sent through every entrance unless told. */
export function signing(
  name: string,
  fields: (source: TokenSource) => SigningFields,
  options: SigningOptions = {},
): DifferentialRequest {
  return {
    name,
    entrances: options.entrances ?? EVERYWHERE,
    rows: rowsOf(options.rows ?? []),
    call: (entrance, source) => signingCall(entrance, fields(source)),
  };
}

/** What {@link http} sends; a POST to the signing call of version 2, of JSON, unless told. */
export interface HttpParts {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly HeaderField[];
  readonly body?: string | Uint8Array;
}

/** A request that only HTTP has words for. */
export function http(
  name: string,
  parts: HttpParts | ((source: TokenSource) => HttpParts),
  rows: readonly string[] = [],
): DifferentialRequest {
  const entrance = (path: string): Entrance => (path.includes("/v1/") ? "http-v1" : "http-v2");
  const make = (source: TokenSource): HttpCall => {
    const {
      method = "POST",
      path = SIGNING,
      headers = JSON_TYPE,
      body,
    } = typeof parts === "function" ? parts(source) : parts;
    const bytes = body === undefined ? undefined : Buffer.from(body);
    return { kind: "http", method, path, headers, ...(bytes === undefined ? {} : { body: bytes }) };
  };
  const path = typeof parts === "function" ? SIGNING : (parts.path ?? SIGNING);
  return {
    name,
    entrances: [entrance(path)],
    rows: () => rows,
    call: (_entrance, source) => make(source),
  };
}

/** The signing call of version 2. */
export const SIGNING = "/api/v2/signingCert";

const JSON_TYPE: readonly HeaderField[] = [["Content-Type", "application/json"]];

import { KEPT_RESPONSES, REFUSALS, withValidator } from "./responses.ts";
import type { ResponseObject } from "./responses.ts";

/** An Operation Object of OpenAPI 3.1, of a path that is read. */
export interface ReadOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly responses: Readonly<Record<string, ResponseObject>> & { readonly "200": ResponseObject };
}

/** GET of one representation; its description is its summary. */
export function read(operationId: string, tag: string, response: ResponseObject): ReadOperation {
  return {
    operationId,
    tags: [tag],
    summary: String(response["description"]),
    responses: { "200": response, ...REFUSALS },
  };
}

/** GET and HEAD of what readers may keep, and ask for again with If-None-Match (RFC 9110 §9.3.2, §13.1.2). */
export function keptRead(get: ReadOperation): object {
  const { operationId, tags, summary, responses } = get;
  const { granted, unchanged, refusedHead } = KEPT_RESPONSES;
  return {
    get: { ...get, responses: { ...responses, "200": withValidator(responses["200"]), "304": unchanged } },
    head: {
      operationId: `${operationId}/head`,
      tags,
      summary: `The header of: ${summary}`,
      responses: { "200": granted, "304": unchanged, default: refusedHead },
    },
  };
}

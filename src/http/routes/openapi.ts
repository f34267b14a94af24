import { SHORT_LIVED_JSON } from "../headers.ts";
import type { Offered } from "../openapi/document.ts";
import type { Handler } from "../route.ts";

/** GET /openapi.json: the description of this API. Few ask for it: it is loaded and encoded for the first who does. */
export function makeOpenApi(offered: Offered): Handler {
  let body: Promise<Uint8Array> | undefined;
  return async () => {
    body ??= import("../openapi/document.ts").then(({ buildOpenApi }) =>
      Buffer.from(JSON.stringify(buildOpenApi(offered))),
    );
    return { status: 200, headers: SHORT_LIVED_JSON, body: await body };
  };
}

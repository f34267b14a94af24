import { changeJson } from "./change-json.ts";

/** How a server answers that stands in for another: not at all, or that it cannot serve now (RFC 9110 §15.6.4). */
export type StandIn = "silent" | "unavailable";

const SERVERS: Readonly<Record<StandIn, string>> = {
  silent: 'require("node:net").createServer(() => {})',
  unavailable: `require("node:http").createServer((_, answer) => {
  answer.writeHead(503, { "content-type": "application/json" });
  answer.end(JSON.stringify({ code: 14, message: "come back later", details: [] }));
})`,
};

/** Commands that start one, until they end, and name it in the signing config as the first of `services`, such as `caUrls`. */
export function startStandIn(kind: StandIn, services: string): string {
  return `node -e '
const server = ${SERVERS[kind]};
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
' >port &
standin=$!
trap 'kill $standin' EXIT
until [ -s port ]; do sleep 0.1; done
${changeJson("signing_config.json", `.${services}[0].url = "http://127.0.0.1:'$(cat port)'"`)}`;
}

/*
 * node:http as `require` would give it. An ES module that imports it has Node ask for each of its exports, WebSocket among
 * them, for which Node loads undici: 13 MiB of resident memory (Node 24), and nothing here uses it.
 */
const { Agent, createServer, request, STATUS_CODES } = process.getBuiltinModule("node:http");

export { Agent, createServer, request, STATUS_CODES };

/**
 * The walls of the source tree. Rings: core (0) <- ports (1) <- issuance, tlog, ctlog, trust (2)
 * <- adapters, wire, entrance, http, grpc, config (3) <- compose, cli, main (4). ARCHITECTURE.md draws the same picture.
 */

/** `from` may import only `to` (and itself, Node's own modules and packages; packages have fences of their own). */
const only = (name, from, to) => ({
  name,
  severity: "error",
  from: { path: `^src/${from}` },
  to: { path: "^(src|dev|test|benchmarks)/", pathNot: [`^src/${from}`, ...to.map((path) => `^src/${path}`)] },
});

/** `packages` may be imported only by files under `paths`. */
const fence = (packages, paths) => ({
  name: `fence-${packages.replaceAll(/[^a-z0-9]+/gu, "-")}`,
  severity: "error",
  from: { path: "^(src|dev)/", pathNot: paths.map((path) => `^${path}`) },
  to: { path: `node_modules/(${packages})(/|$)` },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-dev-packages-in-src",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    { name: "nothing-imports-dev", severity: "error", from: { path: "^src/" }, to: { path: "^dev/" } },
    only("ring-core", "core/", []),
    only("ring-ports", "ports/", ["core/"]),
    only("ring-issuance", "issuance/", ["core/", "ports/"]),
    only("ring-tlog", "tlog/", [
      "ports/(log-store|log-source|signer|clock|witness)\\.ts$",
      "core/(merkle|note|encoding|time)/",
      "core/errors\\.ts$",
    ]),
    only("ring-ctlog", "ctlog/", ["core/", "ports/", "tlog/"]),
    only("ring-trust", "trust/", ["core/", "ports/"]),
    only("ring-adapters", "adapters/", ["node-http\\.ts$", "core/", "ports/"]),
    {
      name: "adapters-know-no-other-adapter",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/adapters/([^/]+)/", pathNot: "^src/adapters/$1/" },
    },
    only("ring-wire", "wire/", ["core/", "ports/"]),
    only("ring-entrance", "entrance/", ["core/", "ports/"]),
    only("ring-http", "http/", [
      "entrance/",
      "node-http\\.ts$",
      "core/",
      "ports/",
      "issuance/",
      "tlog/",
      "ctlog/",
      "trust/",
      "wire/",
    ]),
    only("ring-gen", "gen/", []),
    only("ring-grpc", "grpc/", ["core/", "ports/", "issuance/", "trust/", "entrance/", "wire/", "gen/"]),
    only("ring-config", "config/", ["core/"]),
    only("ring-compose", "compose/", [
      "core/",
      "ports/",
      "issuance/",
      "tlog/",
      "ctlog/",
      "trust/",
      "adapters/",
      "wire/",
      "entrance/",
      "http/",
      "grpc/",
      "config/",
    ]),
    only("ring-cli", "cli/", ["core/", "issuance/", "ctlog/", "tlog/", "trust/", "config/", "compose/"]),
    only("ring-node-http", "node-http\\.ts$", []),
    {
      name: "no-import-of-node-http",
      comment: "it costs 13 MiB: src/node-http.ts",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(node:)?http$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "grpc-is-loaded-when-asked-for",
      comment: "what a service does not use costs it neither memory nor time to start: src/compose/open-grpc.ts",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(grpc|gen)/" },
      to: { path: "^src/(grpc|gen)/", dynamic: false, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "key-services-are-loaded-when-asked-for",
      comment: "the same, and some need packages that are not installed: src/compose/remote-keys.ts",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: "^src/adapters/signers/(aws-kms|azure-key-vault|google-kms|pkcs11|vault)/",
      },
      to: {
        path: "^src/adapters/signers/(aws-kms|azure-key-vault|google-kms|pkcs11|vault)/",
        dynamic: false,
        dependencyTypesNot: ["type-only"],
      },
    },
    only("ring-main", "(main|bin)\\.ts$", ["cli/", "v8-settings\\.ts$"]),
    only("ring-log", "log\\.ts$", [
      "core/",
      "ports/log-source\\.ts$",
      "tlog/",
      "ctlog/",
      "adapters/log-source/",
      "compose/open-log-source\\.ts$",
    ]),
    {
      // Other programs import it: it must cost them neither a server nor a database.
      name: "log-entry-stays-small",
      severity: "error",
      from: { path: "^src/log\\.ts$" },
      to: {
        path: "node_modules/(router|zod|yaml|pino|prom-client|commander|ipaddr\\.js)(/|$)|^(node:)?sqlite$",
        reachable: true,
      },
    },
    {
      name: "dev-starts-main-as-a-process",
      severity: "error",
      from: { path: "^dev/" },
      to: { path: "^src/", pathNot: "^src/core/" },
    },
    fence("router", ["src/http/"]),
    fence("@grpc/grpc-js", ["src/grpc/", "src/adapters/signers/google-kms/"]),
    fence("@azure/[^/]+", ["src/adapters/signers/azure-key-vault/"]),
    fence("@google-cloud/kms|google-auth-library", ["src/adapters/signers/google-kms/"]),
    fence("@bufbuild/protobuf", ["src/grpc/", "src/gen/"]),
    fence("jose", ["dev/"]),
    fence("ipaddr\\.js", ["src/adapters/oidc/", "src/entrance/"]),
    fence("@sigstore/[^/]+", ["dev/"]),
    fence("zod", ["src/config/"]),
    fence("tldts", ["src/config/public-suffix\\.ts$"]),
    fence("yaml", ["src/config/", "dev/"]),
    fence("prom-client|pino", ["src/adapters/telemetry/"]),
    fence("@aws-sdk/[^/]+|@smithy/[^/]+", ["src/adapters/signers/aws-kms/"]),
    fence("pkcs11js", ["src/adapters/signers/pkcs11/"]),
    fence("commander", ["src/cli/", "src/main\\.ts$"]),
    {
      name: "sqlite-in-its-adapter",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/adapters/(log-store/sqlite|data-directory)/" },
      to: { path: "^(node:)?sqlite$" },
    },
    {
      name: "core-does-no-io",
      severity: "error",
      from: { path: "^src/core/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};

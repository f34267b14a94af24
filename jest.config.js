import { enableCompileCache } from "node:module";
import { join } from "node:path";

// A thread of the log compiles its modules in 150 ms, or takes them from here in 40; tests start hundreds of them.
const COMPILE_CACHE = join(import.meta.dirname, "node_modules", ".cache", "mayfly", "compiled");
enableCompileCache(COMPILE_CACHE);
// For the processes that jest and the tests start.
process.env["NODE_COMPILE_CACHE"] = COMPILE_CACHE;

export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  // Long suites run by name: `npm run test:crash` and its neighbours (tools/run-suite.mjs).
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/test/long/"],
  extensionsToTreatAsEsm: [".ts"],
  // Node's own type stripping, which jest 30.5 uses for .ts when nothing else transforms the file.
  transform: {},
  setupFiles: ["<rootDir>/test/support/keep-output.ts"],
  // Whole services start in some tests, on machines that do other work at the same time.
  testTimeout: 30_000,
  coverageProvider: "v8",
  collectCoverageFrom: ["src/**/*.ts"],
};

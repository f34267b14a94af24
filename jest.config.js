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

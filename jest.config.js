export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  // Node's own type stripping, which jest 30.5 uses for .ts when nothing else transforms the file.
  transform: {},
  coverageProvider: "v8",
  collectCoverageFrom: ["src/**/*.ts"],
};

import js from "@eslint/js";
import tseslint from "typescript-eslint";

const browserGlobals = ["window", "document", "navigator", "location", "localStorage", "fetch", "XMLHttpRequest"];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "coverage", ".mayfly", "src/gen"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "no-restricted-globals": ["error", ...browserGlobals],
    },
  },
  {
    files: ["src/**/*.ts", "dev/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 300 }],
      "max-lines-per-function": ["error", { max: 60 }],
      "max-params": ["error", { max: 3 }],
      complexity: ["error", { max: 10 }],
    },
  },
  {
    // The core decides and never asks: no clock, no randomness, no environment.
    files: ["src/core/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...browserGlobals, "process"],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Time is an argument." },
        { object: "Math", property: "random", message: "Randomness is an argument." },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Time is an argument." },
        {
          selector: "ImportSpecifier[imported.name=/^(randomBytes|randomInt|randomUUID|generateKeyPair(Sync)?)$/]",
          message: "Randomness is an argument.",
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts", "benchmarks/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  {
    files: ["**/*.mjs", "**/*.cjs", "*.js"],
    languageOptions: {
      globals: { process: "readonly", console: "readonly", URL: "readonly", module: "writable", Buffer: "readonly" },
    },
  },
);

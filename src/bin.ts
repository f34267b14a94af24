#!/usr/bin/env node
// Parsed by whatever Node.js the user has, so it must stay plain and import nothing before the check.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  await import("./main.ts");
} else {
  console.error(`mayfly needs Node.js 24.15 or later; this is ${process.version}`);
  process.exitCode = 1;
}

export {};

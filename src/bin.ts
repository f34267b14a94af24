#!/usr/bin/env -S node --max-semi-space-size=16 --initial-old-space-size=160 --single-threaded-gc
// Settings of V8, sizes in MiB (`npm run bench`, 16 callers, 21,000 certificates). Without the sizes it marks the whole heap,
// 28 MiB of it alive, four times a second, because the room it leaves for young objects is larger than what it allows old
// ones to grow by: 62 full collections instead of 7, 15 to 20 % more CPU and 50 MiB more memory. Threads of its own for
// collections cost 4 to 7 % more CPU than they save, as so little is alive.
//
// Parsed by whatever Node.js the user has, so it must stay plain and import nothing before the check.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  await import("./main.ts");
} else {
  console.error(`mayfly needs Node.js 24.15 or later; this is ${process.version}`);
  process.exitCode = 1;
}

export {};

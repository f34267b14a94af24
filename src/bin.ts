#!/usr/bin/env -S MALLOC_ARENA_MAX=2 node --max-semi-space-size=16 --no-concurrent-recompilation
// Settings of V8 and of the C library, each with the most memory that was resident without it. Here those that must be known
// at the start; some systems cut this line at 127 characters. The others are in v8-settings.ts.
// - Two arenas for all threads' memory, as many as work at once: 159 instead of 156 MiB at 16 callers. With one, threads wait
//   for each other: 2 % more CPU for a certificate, a quarter more time for `log verify`.
// - Room for 16 MiB of young objects. With 8 it is 141 instead of 156 MiB at 16 callers and 162 instead of 167 at 64, but what
//   many callers have under way outlives two collections: 8 % more CPU for a certificate at 64, 7 % at 512. With 4 it is
//   half as much again.
// - No threads that compile, for they keep much memory for long: 182 instead of 151 MiB (16 callers, 4 MiB). Compiling
//   between requests shows in the first seconds.
//
// Parsed by whatever Node.js the user has, so it must stay plain and import none of our modules before the check.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  await import("./v8-settings.ts");
  await import("./main.ts");
} else {
  console.error(`mayfly needs Node.js 24.15 or later; this is ${process.version}`);
  process.exitCode = 1;
}

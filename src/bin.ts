#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4 --no-concurrent-recompilation
// Settings of V8 and of the C library, each with the most memory that was resident at 16 callers without it, all else equal;
// with all of them 146 MiB, at 3.1 times the crypto floor (`npm run bench` prints both). Here those that must be known at the
// start; some systems cut this line at 127 characters. The others are below.
// - One arena for all threads' memory: without that 165 MiB.
// - 4 MiB of young objects at a time: 8 take 10 MiB more and no less CPU.
// - Threads that compile keep much memory for long: with them 182 MiB. Compiling between requests shows in the first seconds.
//
// Parsed by whatever Node.js the user has, so it must stay plain and import none of our modules before the check.
import { setFlagsFromString } from "node:v8";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  // V8 learns to put objects that outlived two collections, while much was under way, among the old ones at once. There they
  // keep all that they refer to until the whole heap is marked: 220 MiB, in two starts of three.
  setFlagsFromString("--no-allocation-site-pretenuring");
  // Threads that help to collect what is young cost 4 to 7 % more CPU than they save, as so little is alive. The whole heap
  // is marked beside requests all the same: without that 201 MiB, as it would be begun too late.
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--no-concurrent-sweeping");
  setFlagsFromString("--no-concurrent-array-buffer-sweeping");
  await import("./main.ts");
} else {
  console.error(`mayfly needs Node.js 24.15 or later; this is ${process.version}`);
  process.exitCode = 1;
}

import { setFlagsFromString } from "node:v8";

/*
 * Settings of V8 that can still be made when a process has begun, each with the most memory that was resident without it. What
 * must be known at the start is in the first line of bin.ts.
 */

// V8 learns to put objects that outlived two collections, while much was under way, among the old ones at once. There they
// keep all that they refer to until the whole heap is marked: 220 MiB at 16 callers, in two starts of three.
setFlagsFromString("--no-allocation-site-pretenuring");
// What grows old all the same is collected when the heap has grown by a fifth, which costs 5 ms of every few seconds. V8
// would wait for its double: 189 instead of 167 MiB at 64 callers, with room for 8 MiB of young objects.
setFlagsFromString("--heap-growing-percent=20");
// Room for young objects is meant for this thread, which has it already. The log's own thread would take it too, whatever
// limit it is started with: 9 MiB.
setFlagsFromString("--max-semi-space-size=0");
// Threads that help to collect what is young cost 4 to 7 % more CPU than they save, as so little is alive. The whole heap
// is marked beside requests all the same: without that 201 instead of 146 MiB, as it would be begun too late.
setFlagsFromString("--no-parallel-scavenge");
setFlagsFromString("--no-concurrent-sweeping");
setFlagsFromString("--no-concurrent-array-buffer-sweeping");

/** Further seeds are for whoever looks for more: `MAYFLY_FUZZ_SEED=7 npm run test:fuzz`. */
export const FUZZ_SEED = Number(process.env["MAYFLY_FUZZ_SEED"] ?? 20261122);

/** How many inputs each target gets; a slow one gets a part of it. */
export const FUZZ_RUNS = Number(process.env["MAYFLY_FUZZ_RUNS"] ?? 100_000);

import { z } from "zod";

/** A strict, frozen object: unknown keys are errors, and what comes out cannot be changed. */
export const object = <S extends z.core.$ZodLooseShape>(shape: S) => z.strictObject(shape).readonly();

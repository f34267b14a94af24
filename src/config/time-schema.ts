import { z } from "zod";

/** A moment, as RFC 3339 writes it with its offset. */
export const timeSchema = z.iso.datetime({
  offset: true,
  error: "expected a time as RFC 3339 writes it: 2027-01-01T00:00:00Z",
});

import { z } from "zod";
import { isLoopback } from "../loopback.ts";

const HTTP_URL = /^https?:\/\/[A-Za-z0-9[\]._:-]+(?:\/[A-Za-z0-9._~-]+)*\/?$/u;

/**
 * Where a key service is reached. Plain HTTP is for something on this machine that speaks TLS to the service: credentials
 * are in each request.
 */
export const serviceUrl = z
  .string()
  .max(1024)
  .refine((url) => HTTP_URL.test(url) && URL.canParse(url), "expected https://host, perhaps with a port and a path")
  .refine(
    (url) => !URL.canParse(url) || !url.startsWith("http:") || isLoopback(hostOf(url)),
    "credentials are in each request: https, or http to a loopback address",
  );

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[(?<address>.*)\]$/u, "$<address>");

import { statfs } from "node:fs/promises";

/**
 * Bytes that this process may still write to the file system of a directory: without those that only root may use.
 *
 * @throws what statfs(2) says
 */
export async function readFreeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

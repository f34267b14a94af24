const READABLE_BY_OTHERS = 0o004;
const WRITABLE_BY_GROUP_OR_OTHERS = 0o022;

/**
 * What is wrong with a secret file's permissions: any account of the machine can read it, or its group or any account
 * can write it. Reading by the group is not objected to: that is how Kubernetes hands a secret to a process that is not
 * root.
 *
 * @param mode of `stat`
 * @returns undefined when nothing is
 */
export function describeExposure(mode: number): string | undefined {
  if ((mode & (READABLE_BY_OTHERS | WRITABLE_BY_GROUP_OR_OTHERS)) === 0) return undefined;
  const permissions = (mode & 0o777).toString(8).padStart(4, "0");
  return `is open to other accounts (mode ${permissions}); set it to 0600, or 0640 for its group to read`;
}

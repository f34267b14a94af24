/**
 * Sets what the AWS SDK reads from the environment, and nothing beside it: no profile of whoever runs the tests, no metadata
 * service.
 *
 * @returns undoes it
 */
export function useAwsEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = new Map(Object.entries(process.env).filter(([name]) => name.startsWith("AWS_")));
  const clear = (): void => {
    for (const name of Object.keys(process.env).filter((one) => one.startsWith("AWS_")))
      Reflect.deleteProperty(process.env, name);
  };
  clear();
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    ...variables,
  });
  return () => {
    clear();
    Object.assign(process.env, Object.fromEntries(before));
  };
}

/** A value after wireproxy's rules for "$". */
export type Expanded =
  | { readonly value: string; readonly isVariable: boolean }
  | { readonly problem: string; readonly expected: string };

/**
 * Replaces a value that begins with "$" by the environment variable of that name. "$$" at the beginning stands for a
 * "$". The message about a missing variable does not repeat its name, which is often the end of a password.
 */
export function expand(value: string, env: NodeJS.ProcessEnv): Expanded {
  if (!value.startsWith("$")) return { value, isVariable: false };
  if (value.startsWith("$$")) return { value: value.slice(1), isVariable: false };
  const found = env[value.slice(1)];
  if (found !== undefined) return { value: found, isVariable: true };
  return {
    problem: 'this value begins with "$", and no environment variable has the name that follows',
    expected: 'the name of a variable that is set, or "$$" in place of "$"',
  };
}

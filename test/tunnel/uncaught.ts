/** Runs work, and returns what nobody caught meanwhile: what would have ended a program. */
export async function uncaughtDuring(work: () => Promise<void>): Promise<readonly unknown[]> {
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const seen: unknown[] = [];
  process.on("uncaughtException", (error) => seen.push(error));
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
    return seen;
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of others) process.on("uncaughtException", listener);
  }
}

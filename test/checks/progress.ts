/**
 * Shows on standard output that a check is running: a counter on a terminal, otherwise a line every
 * half minute.
 *
 * @returns ends that, and prints how the check ended and how long it took
 */
export function showProgress(name: string): (result: string) => void {
  const { stdout } = process;
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(1);
  stdout.write(stdout.isTTY ? `${name} ...` : `${name} ...\n`);
  const pulse = setInterval(
    () =>
      stdout.write(stdout.isTTY ? `\r${name} ... ${seconds()} s` : `${name} ... ${seconds()} s\n`),
    stdout.isTTY ? 1000 : 30_000,
  );
  return (result) => {
    clearInterval(pulse);
    stdout.write(`${stdout.isTTY ? "\r\u001b[K" : ""}${name}: ${result} (${seconds()} s)\n`);
  };
}

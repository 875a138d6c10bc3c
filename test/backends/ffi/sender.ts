// node sender.js PID SIGNAL...: sends a process all of these signals every half millisecond, until it is killed.
const [pid, ...signals] = process.argv.slice(2);
const never = new Int32Array(new SharedArrayBuffer(4));

for (;;) {
  for (const signal of signals) process.kill(Number(pid), signal);
  Atomics.wait(never, 0, 0, 0.5);
}

/** Writes a number with what it counts: "1 peer", "2 peers". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

import { styleText } from "node:util";
import type { Environment } from "../artifacts.js";

/** How a piece of text can stand out. */
export type Emphasis = "bold" | "dim" | "green" | "red" | "yellow";

/** Makes text stand out, or returns it as it is if colour is not wanted. */
export type Style = (emphasis: Emphasis, text: string) => string;

/** Text without any emphasis. */
export const plainStyle: Style = (_emphasis, text) => text;

/** Text with escape sequences, whatever Node.js (22.13 or newer) thinks of standard output. */
export const colouredStyle: Style = (emphasis, text) =>
  styleText(emphasis, text, { validateStream: false });

/** A stream, and what decides how to write to it. */
export interface Output {
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** Whether a terminal understands escape sequences. One without a name, or a "dumb" one, may not. */
export function obeysEscapes({ TERM }: Environment): boolean {
  return Boolean(TERM) && TERM !== "dumb";
}

/** Whether lines can be redrawn: it is a terminal that understands escape sequences. */
export function isLive(output: Output, env: Environment): boolean {
  return output.isTTY === true && obeysEscapes(env);
}

/** Uses colour only on a terminal, and not if NO_COLOR is set (https://no-color.org). */
export function styleFor(output: Output, env: Environment): Style {
  return isLive(output, env) && !env.NO_COLOR ? colouredStyle : plainStyle;
}

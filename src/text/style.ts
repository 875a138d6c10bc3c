import type { Environment } from "../artifacts.js";

/** How a piece of text may stand out. */
export type Emphasis = "bold" | "dim" | "green" | "red" | "yellow";

/** The parameters of SGR escape sequences that begin and end it. Source: ECMA-48, 8.3.117. */
const parameters: Readonly<Record<Emphasis, readonly [begin: number, end: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  green: [32, 39],
  red: [31, 39],
  yellow: [33, 39],
};

/** Makes text stand out, or leaves it as it is where colour is not wanted. */
export type Style = (emphasis: Emphasis, text: string) => string;

/** Text without any emphasis. */
export const plainStyle: Style = (_emphasis, text) => text;

/** Text with escape sequences. */
export const colouredStyle: Style = (emphasis, text) => {
  const [begin, end] = parameters[emphasis];
  return `\u001b[${begin}m${text}\u001b[${end}m`;
};

/** What is needed to know of a stream before writing to it. */
export interface Output {
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** Whether a terminal understands escape sequences; one without a name, or a "dumb" one, may not. */
export function obeysEscapes({ TERM }: Environment): boolean {
  return Boolean(TERM) && TERM !== "dumb";
}

/** Whether lines can be redrawn: it is a terminal that understands escape sequences. */
export function isLive(output: Output, env: Environment): boolean {
  return output.isTTY === true && obeysEscapes(env);
}

/** Colours only on a terminal, and not where NO_COLOR asks for none (https://no-color.org). */
export function styleFor(output: Output, env: Environment): Style {
  return isLive(output, env) && !env.NO_COLOR ? colouredStyle : plainStyle;
}

import { printable } from "../text/printable.js";
import type { Style } from "../text/style.js";
import type { Diagnosis, Finding, Mark } from "./findings.js";

const colours = { ok: "green", warn: "yellow", fail: "red" } as const satisfies Record<
  Mark,
  string
>;

/** Formats a diagnosis for people. Pure. */
export function formatReport(diagnosis: Diagnosis, style: Style): string {
  const { versions, findings, auto } = diagnosis;
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = [
    `wg-bridge ${versions.wgBridge}, Node.js ${versions.node}, koffi ${versions.koffi ?? "missing"}`,
    `Linux ${versions.kernel}, ${versions.architecture}, ${versions.libc}`,
    "",
    ...findings.flatMap((finding) => formatFinding(finding, width, style)),
    "",
    auto.backend === null
      ? "--backend=auto finds no usable backend."
      : `--backend=auto chooses ${auto.backend}: ${printable(auto.reason)}`,
    diagnosis.canOpenTunnel
      ? "This user can open a tunnel."
      : `This user cannot open a tunnel. ${missing(findings)}`,
    ...(diagnosis.canOpenTunnel || !opensUserspace(findings) ? [] : [withoutInterface]),
  ];
  return `${lines.join("\n")}\n`;
}

const withoutInterface =
  'It can open userspace tunnels, which need no interface: wg-bridge proxy, openTunnel({ network: "userspace", … }).';

function opensUserspace(findings: readonly Finding[]): boolean {
  return findings.some(({ id, mark }) => id === "userspace-executable" && mark === "ok");
}

function formatFinding(
  { title, mark, detail, fixes }: Finding,
  width: number,
  style: Style,
): string[] {
  const shown = style(colours[mark], mark);
  return [
    `${shown}${" ".repeat(6 - mark.length)}${title.padEnd(width)}  ${printable(detail)}`,
    ...fixes.map(
      (fix, index) =>
        `      ${" ".repeat(width)}  ${index === 0 ? "fix:" : "or: "} ${printable(fix)}`,
    ),
  ];
}

/** Names what keeps a tunnel from being opened. Only trying may have shown that. */
function missing(findings: readonly Finding[]): string {
  const needed = ["tun", "net-admin", "socket-directory", "library", "executable"];
  const titles = findings
    .filter(({ id, mark }) => mark === "fail" && needed.includes(id))
    .map(({ title }) => title);
  return titles.length > 0 ? `Missing: ${titles.join(", ")}.` : `The line "a tunnel" says why.`;
}

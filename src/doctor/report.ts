import { printable } from "../text/printable.js";
import type { Finding, Mark } from "./finding.js";
import type { Diagnosis } from "./findings.js";

const colours: Readonly<Record<Mark, number>> = { ok: 32, warn: 33, lack: 31 };

/** Writes a diagnosis for a person. Pure. */
export function formatReport(diagnosis: Diagnosis, colour: boolean): string {
  const { versions, findings, auto } = diagnosis;
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = [
    `wg-bridge ${versions.wgBridge}, Node.js ${versions.node}, koffi ${versions.koffi ?? "missing"}`,
    `Linux ${versions.kernel}, ${versions.architecture}, ${versions.libc}`,
    "",
    ...findings.flatMap((finding) => formatFinding(finding, width, colour)),
    "",
    auto.backend === null
      ? "--backend=auto finds neither backend usable."
      : `--backend=auto takes ${auto.backend}: ${printable(auto.reason)}`,
    diagnosis.canOpenTunnel
      ? "This user can open a tunnel."
      : `This user cannot open a tunnel. Missing: ${missing(findings)}.`,
  ];
  return `${lines.join("\n")}\n`;
}

function formatFinding(
  { title, mark, detail, cures }: Finding,
  width: number,
  colour: boolean,
): string[] {
  const padded = mark.padEnd(4);
  const shown = colour ? `\u001b[${colours[mark]}m${padded}\u001b[0m` : padded;
  return [
    `${shown}  ${title.padEnd(width)}  ${printable(detail)}`,
    ...cures.map(
      (cure, index) =>
        `      ${" ".repeat(width)}  ${index === 0 ? "cure:" : "or:  "} ${printable(cure)}`,
    ),
  ];
}

/** The lacks that keep a tunnel from being opened, by their titles. */
function missing(findings: readonly Finding[]): string {
  return findings
    .filter(
      ({ id, mark }) =>
        mark === "lack" && ["tun", "net-admin", "library", "executable"].includes(id),
    )
    .map(({ title }) => title)
    .join(", ");
}

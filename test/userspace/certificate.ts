import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/** A certificate that signs itself, for server.tunnel and 127.0.0.1, and its key, as PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Makes one with openssl(1). */
export function makeCertificate(...addresses: readonly string[]): Certificate {
  const directory = mkdtempSync(`${tmpdir()}/certificate-`);
  const names = ["DNS:server.tunnel", ...addresses.map((address) => `IP:${address}`)].join(",");
  const [cert, key] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  try {
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=server.tunnel -addext subjectAltName=${names} -keyout ${key} -out ${cert}`;
    execFileSync("openssl", words.split(" "), { stdio: "ignore" });
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

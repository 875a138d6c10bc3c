import { generateKeyPairSync, sign } from "node:crypto";

/** A certificate that signs itself, and its key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** How long it is valid before and after now, in milliseconds. */
const validity = 86_400_000;

// Object identifiers, as their bytes in DER.
const ecdsaWithSha256 = "2a8648ce3d040302";
const commonName = "550403";
const subjectAltName = "551d11";
const basicConstraints = "551d13";

/** Makes one for an IPv4 address and a name. Source: RFC 5280, section 4.1. */
export function makeCertificate(address: string, name = "server.tunnel"): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(ecdsaWithSha256));
  const holder = sequence(der(0x31, sequence(oid(commonName), der(0x0c, Buffer.from(name)))));
  const names = sequence(
    der(0x82, Buffer.from(name)),
    der(0x87, Buffer.from(address.split(".").map(Number))),
  );
  const isAuthority = der(0x01, Buffer.from([0xff]));
  const toSign = sequence(
    der(0xa0, integer(2)),
    integer(1),
    algorithm,
    holder,
    sequence(time(Date.now() - validity), time(Date.now() + validity)),
    holder,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        sequence(oid(subjectAltName), der(0x04, names)),
        sequence(oid(basicConstraints), der(0x04, sequence(isAuthority))),
      ),
    ),
  );
  const signature = sign("sha256", toSign, privateKey);
  const cert = sequence(toSign, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = cert.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** Returns an element of DER: its tag, its length, its content. Browsers refuse a length that could be shorter. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body]);
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

function oid(bytes: string): Buffer {
  return der(0x06, Buffer.from(bytes, "hex"));
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.from([value]));
}

/** "261127053000Z" */
function time(milliseconds: number): Buffer {
  const text = new Date(milliseconds).toISOString().replace(/^..|[-:T]|\.\d+/g, "");
  return der(0x17, Buffer.from(text));
}

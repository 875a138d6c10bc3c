#!/usr/bin/env node
// Builds the container image of the engine for several processors, without a container runtime or a registry.
//
//   scripts/platform-packages && containers/build-image.mjs build/image build/packages/*/
//
//   containers/build-image.mjs OUTPUT PACKAGE...
//
// Each PACKAGE is a directory with bin/wireguard-go, LICENSE and third-party-licenses.txt; the executable's ELF
// header names the processor. One without an executable, such as that of the main package, is passed over. OUTPUT is
// a new directory in the OCI image layout: its reference VERSION is for all processors, VERSION-ARCHITECTURE for one.
// The same files give the same bytes if Node.js has the same zlib.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { constants, gzipSync } from "node:zlib";

/** The user in the image. Not root; a number, since Kubernetes' runAsNonRoot cannot judge a name. */
const user = 65_532;
const executable = "usr/bin/wireguard-go";
/** No time at all, so that two builds are the same. */
const created = "1970-01-01T00:00:00Z";

/** ELF's e_machine, and the names that OCI takes from Go. */
const processors = new Map([
  [0x03e, { architecture: "amd64" }],
  [0x0b7, { architecture: "arm64", variant: "v8" }],
  [0x028, { architecture: "arm", variant: "v6" }],
  [0x0f3, { architecture: "riscv64" }],
  [0x015, { architecture: "ppc64le" }],
  [0x016, { architecture: "s390x" }],
  [0x102, { architecture: "loong64" }],
]);

function main([output, ...packages]) {
  if (output === undefined || packages.length === 0) {
    throw new Error("usage: containers/build-image.mjs OUTPUT PACKAGE...");
  }
  if (existsSync(output)) throw new Error(`${output} exists: remove it, or name another directory`);
  const programs = readPrograms(packages);
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  /** What the layout contains, by digest. Nothing is written before all of it is there. */
  const blobs = new Map();
  const put = (mediaType, bytes) => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = programs.map((program) => manifestOf(program, version, put));
  const annotations = annotationsOf(version);
  const list = { schemaVersion: 2, mediaType: types.index, manifests, annotations };
  const index = put(types.index, json(list));
  const roots = manifests.map((each) => named(each, `${version}-${each.platform.architecture}`));
  writeLayout(output, blobs, [named(index, version), ...roots]);
  for (const { digest, platform } of manifests) {
    process.stdout.write(`${digest}  ${platform.architecture}\n`);
  }
  process.stdout.write(`${index.digest}  ${version}\n`);
}

/** Reads the executables, in the order of their processors. */
function readPrograms(packages) {
  const directories = packages.filter((each) => existsSync(`${each}/bin/wireguard-go`));
  if (directories.length === 0) {
    throw new Error(
      `${packages.join(", ")}: no bin/wireguard-go there; run scripts/platform-packages`,
    );
  }
  const programs = directories
    .map(readProgram)
    .toSorted((a, b) => (a.architecture < b.architecture ? -1 : 1));
  const twice = programs.find(
    ({ architecture }, index) => architecture === programs[index + 1]?.architecture,
  );
  if (twice !== undefined) throw new Error(`two of the packages are for ${twice.architecture}`);
  return programs;
}

function named(descriptor, name) {
  return { ...descriptor, annotations: { "org.opencontainers.image.ref.name": name } };
}

function writeLayout(output, blobs, manifests) {
  const unfinished = `${output}.unfinished-${process.pid}`;
  mkdirSync(`${unfinished}/blobs/sha256`, { recursive: true });
  for (const [digest, bytes] of blobs) {
    writeFileSync(`${unfinished}/blobs/${digest.replace(":", "/")}`, bytes);
  }
  const index = { schemaVersion: 2, mediaType: types.index, manifests };
  writeFileSync(`${unfinished}/index.json`, json(index));
  writeFileSync(`${unfinished}/oci-layout`, json({ imageLayoutVersion: "1.0.0" }));
  renameSync(unfinished, output);
}

const types = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

function annotationsOf(version) {
  return {
    "org.opencontainers.image.title": "wireguard-go of wg-bridge",
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.licenses": "MIT",
  };
}

function readProgram(directory) {
  const path = `${directory}/bin/wireguard-go`;
  const content = readFileSync(path);
  return { directory, content, ...processorOf(content, path) };
}

/** Stores the image for one processor, and returns the descriptor of its manifest. */
function manifestOf({ directory, content, ...processor }, version, put) {
  const licences = "usr/share/licenses/wg-bridge";
  const layer = tar([
    ...["usr", "usr/bin", "usr/share", "usr/share/licenses", licences, "var", "var/run"].map(root),
    { path: "var/run/wireguard", mode: 0o700, owner: user },
    // The runtime of a container gives an ordinary user no capability, whatever it adds; the program's file does.
    { path: executable, mode: 0o755, owner: 0, content, capability: netAdmin },
    ...["LICENSE", "third-party-licenses.txt"].map((name) => {
      return {
        path: `${licences}/${name}`,
        mode: 0o644,
        owner: 0,
        content: readFileSync(`${directory}/${name}`),
      };
    }),
  ]);
  const zipped = put(types.layer, gzipSync(layer, { level: constants.Z_BEST_COMPRESSION }));
  const config = put(
    types.config,
    json({
      created,
      ...processor,
      os: "linux",
      config: {
        User: `${user}:${user}`,
        Entrypoint: [`/${executable}`, "--foreground"],
        Cmd: ["wg0"],
        Volumes: { "/var/run/wireguard": {} },
        Labels: annotationsOf(version),
      },
      rootfs: { type: "layers", diff_ids: [sha256(layer)] },
      history: [{ created, created_by: "containers/build-image.mjs" }],
    }),
  );
  const annotations = annotationsOf(version);
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: [zipped],
    annotations,
  };
  return { ...put(types.manifest, json(manifest)), platform: { os: "linux", ...processor } };
}

/** Returns the processor of a static executable. */
function processorOf(program, path) {
  if (program.length < 64 || program.readUInt32BE(0) !== 0x7f454c46)
    throw new Error(`${path} is not an ELF file`);
  const [is64, isBig] = [program[4] === 2, program[5] === 2];
  const read = (at, size) => (isBig ? program.readUIntBE(at, size) : program.readUIntLE(at, size));
  const machine = processors.get(read(18, 2));
  if (machine === undefined)
    throw new Error(`${path} is for an unknown processor, ELF machine ${read(18, 2)}`);
  // OCI has no name for the other byte orders of these processors.
  if (isBig !== (machine.architecture === "s390x"))
    throw new Error(`${path} has the wrong byte order`);
  const headers = is64
    ? Number(isBig ? program.readBigUInt64BE(32) : program.readBigUInt64LE(32))
    : read(28, 4);
  const [size, count] = is64 ? [read(54, 2), read(56, 2)] : [read(42, 2), read(44, 2)];
  for (let header = 0; header < count; header++) {
    // PT_INTERP: the dynamic linker, which an image without a libc does not have.
    if (read(headers + header * size, 4) === 3)
      throw new Error(`${path} is not static: build it with CGO_ENABLED=0`);
  }
  return machine;
}

/** CAP_NET_ADMIN, permitted and effective, as the kernel stores it: vfs_cap_data, revision 2. */
const netAdmin = Buffer.alloc(20);
netAdmin.writeUInt32LE(0x0200_0001, 0);
netAdmin.writeUInt32LE(1 << 12, 4);

function root(path) {
  return { path, mode: 0o755, owner: 0 };
}

/** Returns a tar archive of files and directories, in the order of their paths. */
function tar(entries) {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = sorted.flatMap(({ path, mode, owner, content, capability }) => {
    const extended =
      capability === undefined ? [] : [record("SCHILY.xattr.security.capability", capability)];
    const header = content === undefined ? tarHeader(`${path}/`, mode, owner, "5", 0) : undefined;
    return [
      ...extended.flatMap((bytes) => [
        tarHeader(`PaxHeaders/${path}`, 0o644, 0, "x", bytes.length),
        padded(bytes),
      ]),
      ...(header ? [header] : [tarHeader(path, mode, owner, "0", content.length), padded(content)]),
    ];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Returns a record of a pax header. Its length counts its own digits. */
function record(name, value) {
  const rest = Buffer.concat([Buffer.from(` ${name}=`), value, Buffer.from("\n")]);
  let length = rest.length;
  while (length !== rest.length + String(length).length)
    length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange Format" */
function tarHeader(path, mode, owner, type, size) {
  const header = Buffer.alloc(512);
  const octal = (value, at, digits) =>
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at);
  if (Buffer.byteLength(path) > 100) throw new Error(`${path} is too long for a tar header`);
  header.write(path, 0);
  octal(mode, 100, 7);
  octal(owner, 108, 7);
  octal(owner, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11); // the time of the last change
  header.write("        ", 148); // the checksum counts itself as spaces
  header.write(type, 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function padded(content) {
  return Buffer.concat([content, Buffer.alloc(-content.length & 511)]);
}

function sha256(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function json(value) {
  return Buffer.from(JSON.stringify(value));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`build-image: ${error.message}\n`);
  process.exitCode = 1;
}

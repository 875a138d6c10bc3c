import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { parseAllDocuments } from "yaml";
import { bind, Container, type Mount } from "./container.js";
import type { ImageFiles } from "./node-image.js";

/** The part of Kubernetes' objects that the examples use. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: PodSpec & { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes: readonly VolumeSpec[];
}

/** A container of a pod. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: "Always";
  readonly securityContext: {
    readonly runAsUser: number;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
  };
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

interface Probe {
  readonly exec?: { readonly command: readonly string[] };
  readonly httpGet?: { readonly path: string; readonly port: string };
}

interface VolumeSpec {
  readonly name: string;
  readonly emptyDir?: { readonly medium: string };
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  readonly hostPath?: { readonly path: string; readonly type: string };
}

/** Where images come from, by the last part of their name without the tag. */
export type Images = Readonly<Record<string, ImageFiles>>;

/** Makes a pod of a manifest, container by container, as kubelet and containerd do. */
export class Pod {
  static #count = 0;
  readonly #name = `pod-${Pod.#count++}`;
  readonly #directory: string;
  readonly #images: Images;
  readonly #network: string;
  readonly #spec: PodSpec;
  readonly #volumes = new Map<string, Mount>();
  #runs = 0;
  #secretVersions = 0;

  /** @param change Edits the text of the secret's file, which has no keys yet */
  constructor(
    file: string,
    place: { readonly directory: string; readonly network: string; readonly images: Images },
    change: (config: string) => string,
  ) {
    const documents = parseAllDocuments(readFileSync(file, "utf8"));
    const manifests: readonly Manifest[] = documents.map((document) => document.toJS());
    const workload = manifests.find(({ spec }) => spec !== undefined);
    const spec = workload?.spec?.template?.spec ?? workload?.spec;
    if (workload === undefined || spec === undefined) throw new Error(`${file} has no pod`);
    this.#directory = place.directory;
    this.#images = place.images;
    this.#network = place.network;
    this.#spec = spec;
    for (const volume of spec.volumes) {
      const path = `/run/${this.#name}-${volume.name}`;
      if (volume.hostPath !== undefined) {
        const { type } = volume.hostPath;
        if (type !== "CharDevice") mkdirSync(path);
        const source = type === "CharDevice" ? volume.hostPath.path : path;
        this.#volumes.set(volume.name, bind(source, "", false));
        continue;
      }
      mkdirSync(path);
      // kubelet lets everybody write to an emptyDir.
      const mode = volume.emptyDir === undefined ? "0755" : "0777";
      execFileSync("mount", ["-t", "tmpfs", "-o", `mode=${mode}`, "tmpfs", path]);
      this.#volumes.set(volume.name, bind(path, "", false));
      const secret = manifests.find(({ metadata }) => metadata.name === volume.secret?.secretName);
      for (const [name, text] of Object.entries(secret?.stringData ?? {})) {
        this.writeSecret(volume.name, name, change(text));
      }
    }
  }

  /** Returns what the manifest says of a container. */
  spec(name: string): ContainerSpec {
    const { initContainers = [], containers } = this.#spec;
    const found = [...initContainers, ...containers].find((each) => each.name === name);
    if (found === undefined) throw new Error(`the pod has no container ${name}`);
    return found;
  }

  /** Returns the directory of a volume, outside. */
  volume(name: string): string {
    return this.#volumes.get(name)?.source ?? "";
  }

  /** Replaces a file of a secret at once, as kubelet does: by a link to a new directory. */
  writeSecret(volume: string, file: string, text: string): void {
    const path = this.volume(volume);
    const version = `..${this.#secretVersions++}`;
    mkdirSync(`${path}/${version}`);
    const mode = this.#spec.volumes.find(({ name }) => name === volume)?.secret?.defaultMode;
    writeFileSync(`${path}/${version}/${file}`, text);
    chmodSync(`${path}/${version}/${file}`, mode ?? 0o644);
    symlinkSync(version, `${path}/..new`);
    renameSync(`${path}/..new`, `${path}/..data`);
    if (version === "..0") symlinkSync(`..data/${file}`, `${path}/${file}`);
  }

  /** Starts a container; `command` is for the program, whose image is not here. */
  run(name: string, command?: readonly string[]): Container {
    const spec = this.spec(name);
    const [, image = ""] = /([^/]+):[^:]+$/.exec(spec.image) ?? [];
    const files = this.#images[command === undefined ? image : "wg-bridge"];
    if (files === undefined) throw new Error(`there is no image ${image}`);
    const { runAsUser, capabilities, ...context } = spec.securityContext;
    if (capabilities.drop.join() !== "ALL") throw new Error(`${name} keeps capabilities`);
    return Container.run(this.#directory, `${this.#name}-${name}-${this.#runs++}`, {
      root: files.root,
      args: command ?? [...(spec.command ?? files.entrypoint), ...(spec.args ?? [])],
      user: runAsUser,
      capabilities: capabilities.add ?? [],
      noNewPrivileges: !context.allowPrivilegeEscalation,
      readOnlyRoot: context.readOnlyRootFilesystem,
      mounts: [...files.mounts, ...this.#mountsOf(spec)],
      // Here /dev/net/tun comes as a volume, not as a device.
      tun: false,
      network: this.#network,
      runtime: "containerd",
    });
  }

  #mountsOf({ volumeMounts = [] }: ContainerSpec): readonly Mount[] {
    return volumeMounts.map(({ name, mountPath, readOnly = false }) =>
      bind(this.volume(name), mountPath, readOnly),
    );
  }
}

/** Waits until a probe's command succeeds. */
export async function untilStarted(container: Container, { startupProbe }: ContainerSpec) {
  const command = startupProbe?.exec?.command;
  if (command === undefined) throw new Error("it has no startupProbe");
  await container.until("the startupProbe", () => {
    try {
      return container.exec(...command) !== "";
    } catch {
      return false;
    }
  });
}

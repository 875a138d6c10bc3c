import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { integrityOf, type Publication } from "./publication.js";

/** What installers ask every registry about themselves, or about all packages. */
const ownQuestions = new Set(["GET /npm", "GET /pnpm", "POST /-/npm/v1/security/advisories/bulk"]);

/** When everything was published: some installers refuse a version that is younger than a day. */
const published = "2026-01-01T00:00:00.000Z";

/**
 * An npm registry on loopback. It serves what it was given, and asks no other registry. Of several versions of a
 * package, the one that was given last is the latest.
 */
export class Registry implements AsyncDisposable {
  /** Ends in a slash. */
  readonly url: string;
  readonly #server: Server;
  readonly #publications: readonly Publication[];
  readonly #downloads = new Set<string>();
  readonly #missing = new Set<string>();

  private constructor(server: Server, url: string, publications: readonly Publication[]) {
    this.#server = server;
    this.url = url;
    this.#publications = publications;
    server.on("request", (request, response) => this.#answer(request, response));
  }

  static async start(publications: readonly Publication[]): Promise<Registry> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The server has no port.");
    return new Registry(server, `http://127.0.0.1:${address.port}/`, publications);
  }

  /** Returns the names of the packages that were downloaded since the last call, in alphabetical order. */
  takeDownloads(): string[] {
    const names = [...this.#downloads].sort();
    this.#downloads.clear();
    return names;
  }

  /** Returns what was asked for since the last call, and is not here. */
  takeMissing(): string[] {
    const requests = [...this.#missing].filter((request) => !ownQuestions.has(request));
    this.#missing.clear();
    return requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer({ method, url = "/" }: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(url.slice(1).replace(/\?.*/, ""));
    const [name = "", file] = path.split("/-/");
    const versions = this.#publications.filter(({ manifest }) => manifest.name === name);
    const isRead = method === "GET" || method === "HEAD";
    if (isRead && file === undefined && versions.length > 0) {
      send(response, 200, "application/json", JSON.stringify(this.#packument(name, versions)));
      return;
    }
    const asked = versions.find((each) => fileOf(each) === file);
    if (isRead && asked !== undefined) {
      this.#downloads.add(name);
      send(response, 200, "application/octet-stream", asked.tarball);
      return;
    }
    this.#missing.add(`${method} /${path}`);
    send(response, 404, "application/json", JSON.stringify({ error: "not found" }));
  }

  /** Returns what an installer reads first: a package's versions, and where their tarballs are. */
  #packument(name: string, publications: readonly Publication[]): object {
    const versions = publications.map((publication) => {
      const { manifest, tarball } = publication;
      const hasInstallScript = installScriptsOf(manifest.scripts).length > 0;
      const dist = {
        tarball: `${this.url}${name}/-/${fileOf(publication)}`,
        integrity: integrityOf(tarball),
      };
      return [
        manifest.version,
        { ...manifest, ...(hasInstallScript && { hasInstallScript }), dist },
      ];
    });
    const numbers = publications.map(({ manifest }) => manifest.version);
    const times = ["created", "modified", ...numbers].map((each) => [each, published]);
    return {
      name,
      "dist-tags": { latest: numbers.at(-1) },
      versions: Object.fromEntries(versions),
      time: Object.fromEntries(times),
    };
  }
}

/** Returns the names of the scripts that run when a package is installed. */
export function installScriptsOf(scripts: Readonly<Record<string, string>> = {}): string[] {
  return ["preinstall", "install", "postinstall"].filter((name) => name in scripts);
}

function fileOf({ manifest: { name, version } }: Publication): string {
  return `${name.replace(/^.*\//, "")}-${version}.tgz`;
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

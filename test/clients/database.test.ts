import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { onlyInSandbox } from "../sandbox.js";
import { openPair, farAddress as pairAddress } from "../userspace/engines.js";
import { farAddress, useIntranet } from "./intranet.js";
import { loadPackage, missingPackage } from "./packages.js";
import { Postgres } from "./postgres.js";
import { describeClient } from "./program.js";

const mark = missingPackage("@electric-sql/pglite") || missingPackage("pg");

/** What of pg is used here. */
interface Pg {
  readonly Client: new (options: {
    readonly host?: string;
    readonly port?: number;
    readonly stream?: () => Duplex;
    readonly user: string;
    readonly database: string;
  }) => {
    connect(): Promise<unknown>;
    query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: unknown }>;
    end(): Promise<void>;
  };
}

function isPg(module: unknown): module is Pg {
  return typeof module === "object" && module !== null && "Client" in module;
}

let postgres: Postgres;

before(async function () {
  if (mark !== "") return;
  this.timeout(240_000);
  postgres = await Postgres.start();
});
after(() => postgres?.[Symbol.asyncDispose]());

/** Works with the database behind a connection. */
async function use(way: { port: number } | { stream: () => Duplex }): Promise<void> {
  const pg = loadPackage("pg");
  assert.ok(isPg(pg));
  const options = { user: "postgres", database: "postgres" };
  const client = new pg.Client({ ...options, host: "127.0.0.1", ...way });
  await client.connect();
  const text = "x".repeat(1_000_000);
  await client.query("create temporary table notes (id int, note text)");
  await client.query("insert into notes select n, $1 from generate_series(1, 5) n", [text]);
  const { rows } = await client.query("select count(*)::int, max(length(note)) from notes");
  assert.deepEqual(rows, [{ count: 5, max: 1_000_000 }]);
  const { rows: notes } = await client.query("select note from notes where id < 3");
  assert.deepEqual(notes, [{ note: text }, { note: text }]);
  await client.query("drop table notes");
  await client.end();
}

describeClient(
  "PostgreSQL's pg",
  ["dnsmasq"],
  (backend) => {
    onlyInSandbox();
    const intranet = useIntranet(backend);

    it("works by a forward of wg-bridge proxy", async () => {
      await intranet().attach(5432, postgres.server);
      const command = intranet().start(`--forward=0=${farAddress}:5432`);
      await use({ port: Number(await command.says(/tcp 127\.0\.0\.1:(\d+) leads to/)) });
    });

    it("works with a stream of the library", async () => {
      await using pair = await openPair({ near: { backend }, far: { backend } });
      const port = await pair.attach(postgres.server);
      await use({ stream: () => pair.tunnel.createConnection({ host: pairAddress, port }) });
    });
  },
  mark,
);

// The dashboard and the alerts: every expression is evaluated by Prometheus, on metrics of tunnels with traffic.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { Pair } from "../pair.js";
import { onlyInSandbox } from "../sandbox.js";
import { missingTool } from "./missing-tool.js";

const mark = missingTool("prometheus");
const rules = `${packageRoot}/containers/prometheus`;
/** In milliseconds. */
const limit = 60_000;

/** The part of Grafana's format that is looked at. */
interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

/** An answer of Prometheus' HTTP API. */
interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const dashboard: Dashboard = JSON.parse(
  readFileSync(`${packageRoot}/containers/grafana/wg-bridge.json`, "utf8"),
);
const variables = dashboard.templating.list.filter(({ definition }) => definition !== undefined);

describe("the dashboard", () => {
  it("has panels that do not overlap, within Grafana's 24 columns", () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x},${y}`), title);
          taken.add(`${x},${y}`);
        }
      }
    }
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe(`Prometheus, with the metrics of two tunnels${mark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);

  let directory: string;
  let pair: Pair;
  let isClosed = false;
  const children: ChildProcess[] = [];

  /** Starts a server, and resolves once it has printed a text. */
  async function start(command: string, args: readonly string[], text: string): Promise<void> {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let output = "";
    await new Promise<void>((resolve, reject) => {
      const take = (piece: Buffer) => {
        output += piece;
        if (output.includes(text)) resolve();
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`${command} has ended:\n${output}`)));
    });
  }

  before(async function () {
    if (mark !== "") this.skip();
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-prometheus-`);
    pair = await Pair.open({ number: 1, near: { backend: "exec" }, far: { backend: "exec" } });
    const metrics = [`${packageRoot}/dist/src/cli/main.js`, "metrics", "--listen"];
    await start(process.execPath, [...metrics, pair.near.name, pair.far.name], "serving");
    const scrape = `scrape_configs: [{job_name: wireguard, static_configs: [{targets: ["127.0.0.1:9586"]}]}]\n`;
    const often =
      "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n";
    writeFileSync(
      `${directory}/prometheus.yml`,
      `${often}${scrape}rule_files: ["${rules}/alerts.yaml"]\n`,
    );
    await start(
      "prometheus",
      [
        `--config.file=${directory}/prometheus.yml`,
        `--storage.tsdb.path=${directory}/data`,
        "--web.listen-address=127.0.0.1:9090",
      ],
      "Server is ready",
    );
  });
  after(async () => {
    await Promise.all(
      children.map(async (child) => {
        child.kill();
        if (child.exitCode === null) await once(child, "exit");
      }),
    );
    await pair?.[Symbol.asyncDispose]();
    rmSync(directory ?? "", { recursive: true, force: true });
  });

  async function ask(path: string, parameters: Readonly<Record<string, string>> = {}) {
    const url = `http://127.0.0.1:9090/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const answer: Answer = JSON.parse(await (await fetch(url)).text());
    assert.equal(answer.status, "success", answer.error);
    return answer.data;
  }

  /** Asks again while packets flow, until there is data. */
  async function untilData(query: string): Promise<readonly unknown[]> {
    const deadline = Date.now() + limit;
    for (;;) {
      const { result } = await ask("query", { query });
      assert.ok(Array.isArray(result));
      if (result.length > 0) return result;
      assert.ok(Date.now() < deadline, `no data for ${query}`);
      if (!isClosed) await pair.ping(5);
    }
  }

  /** Asks again until there is no alert: on a busy machine a scrape may take longer than it has. */
  async function untilNoAlert(): Promise<void> {
    for (const deadline = Date.now() + limit; ; ) {
      const { alerts } = await ask("alerts");
      assert.ok(Array.isArray(alerts));
      if (alerts.length === 0) return;
      assert.ok(Date.now() < deadline, JSON.stringify(alerts));
    }
  }

  const filled = (expression: string) =>
    variables
      .reduce((text, { name }) => text.replaceAll(`$${name}`, ".*"), expression)
      .replaceAll("$__rate_interval", "1m");

  for (const { title, targets } of dashboard.panels) {
    it(`has data for the panel "${title}"`, async () => {
      for (const { expr } of targets) {
        assert.doesNotMatch(filled(expr), /\$/, "a variable without a value");
        await untilData(filled(expr));
      }
    });
  }

  it("knows every metric that the dashboard and the alerts name", async () => {
    const known = await ask("label/__name__/values");
    assert.ok(Array.isArray(known));
    const texts = [JSON.stringify(dashboard), readFileSync(`${rules}/alerts.yaml`, "utf8")];
    const named = texts.flatMap((text) => text.match(/\b(?:wg_bridge|wireguard)_\w+/g) ?? []);
    assert.ok(named.length > 0);
    for (const metric of new Set(named)) assert.ok(known.includes(metric), metric);
  });

  for (const { name, definition = "" } of variables) {
    it(`has values for the variable ${name}`, async () => {
      const [, selector = "", label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      assert.equal(label, name);
      await untilData(`count by (${name}) (${filled(selector)})`);
    });
  }

  it("takes the alerts, which follow promtool's tests", () => {
    execFileSync("promtool", ["check", "rules", `${rules}/alerts.yaml`], { stdio: "pipe" });
    execFileSync("promtool", ["test", "rules", `${rules}/alerts.test.yaml`], { stdio: "pipe" });
  });

  it("evaluates every alert without an error, and sees an interface end", async () => {
    await untilData("wg_bridge_interface_up");
    await untilNoAlert();
    await pair.far.close();
    isClosed = true;
    await untilData("wg_bridge_interface_up == 0");
    await untilData('ALERTS{alertname="WireGuardInterfaceDown", alertstate="pending"}');
    const { groups } = await ask("rules");
    assert.ok(Array.isArray(groups));
    const all = groups.flatMap((group) => group.rules);
    assert.equal(all.length, 4);
    for (const rule of all) assert.equal(rule.health, "ok", `${rule.name}: ${rule.lastError}`);
  });
});

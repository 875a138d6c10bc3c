import assert from "node:assert/strict";
import { hostname } from "node:os";
import { isOwnHost } from "../../../src/cli/metrics/server.js";

describe("the Host header of a request for metrics", () => {
  const names = ["metrics.example.org", "Prometheus-Target"];

  for (const header of [
    undefined, // HTTP/1.0
    "127.0.0.1:9586",
    "192.0.2.7",
    "[::1]:9586",
    "[fe80::1%25eth0]:9586",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST:9586",
    "node.localhost:9586",
    hostname(),
    `${hostname()}:9586`,
    "metrics.example.org",
    "Metrics.Example.Org.:443",
    "prometheus-target:9586",
  ]) {
    it(`is accepted if it is ${header}`, () => assert.ok(isOwnHost(header, names)));
  }

  for (const header of [
    "",
    ":9586",
    "attacker.example",
    "attacker.example:9586",
    "127.0.0.1.attacker.example",
    "localhost.attacker.example",
    "xlocalhost",
    `${hostname()}.attacker.example`,
    "metrics.example.org.attacker.example",
    "xmetrics.example.org",
    "example.org",
    "metrics.example.org@attacker.example",
    "[attacker.example]",
    "1.2.3",
    "2130706433",
  ]) {
    it(`is refused if it is ${JSON.stringify(header)}`, () => assert.ok(!isOwnHost(header, names)));
  }
});

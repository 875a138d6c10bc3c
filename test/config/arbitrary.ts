import fc from "fast-check";
import type { Config } from "../../src/config/config.js";
import {
  addresses,
  allowedIps,
  endpoints,
  keepalives,
  presharedKeys,
  privateKeys,
  publicKeys,
} from "../uapi/arbitrary.js";

const interfaceAddresses = fc
  .tuple(addresses, fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => `${address}/${length}`);
const commands = fc.stringMatching(/^[a-z][a-z0-9 %_./=;|"'-]{0,30}[a-z0-9]$/);
const someCommands = fc.array(commands, { maxLength: 2 });

const peers = fc.uniqueArray(
  fc.record(
    {
      publicKey: publicKeys,
      presharedKey: presharedKeys,
      endpoint: endpoints,
      persistentKeepalive: keepalives,
      allowedIps: fc.uniqueArray(allowedIps, { maxLength: 4 }),
    },
    { requiredKeys: ["publicKey", "allowedIps"] },
  ),
  { maxLength: 4, selector: ({ publicKey }) => publicKey },
);

export const configs: fc.Arbitrary<Config> = fc.record(
  {
    privateKey: privateKeys,
    listenPort: fc.integer({ min: 0, max: 65_535 }),
    fwmark: fc.integer({ min: 0, max: 0xffff_ffff }),
    peers,
    addresses: fc.array(interfaceAddresses, { maxLength: 3 }),
    dns: fc.array(addresses, { maxLength: 2 }),
    mtu: fc.integer({ min: 68, max: 65_535 }),
    table: fc.constantFrom("auto", "off", "1234", "main"),
    preUp: someCommands,
    postUp: someCommands,
    preDown: someCommands,
    postDown: someCommands,
    saveConfig: fc.boolean(),
  },
  {
    requiredKeys: [
      "peers",
      "addresses",
      "dns",
      "preUp",
      "postUp",
      "preDown",
      "postDown",
      "saveConfig",
    ],
  },
);

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as main from "../src/index.js";
import * as uapi from "../src/uapi/index.js";

/** Returns the names that an entry point's declarations export, types included, in alphabetical order. */
function declaredBy(entry: string): readonly string[] {
  const declarations = readFileSync(new URL(`../src/${entry}.d.ts`, import.meta.url), "utf8");
  const lists = declarations.matchAll(/^export (?:type )?\{([^}]+)\} from/gm);
  const names = [...lists].flatMap(([, list = ""]) => list.match(/\w+/g) ?? []);
  return names.filter((name) => name !== "type").sort();
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/).sort();
}

// Every export is a promise to users: change these lists only on purpose.

describe("the exports of the package", () => {
  it('are those listed here for "wg-bridge"', () => {
    const values = words(`
      ConfigDocument ConfigError PresharedKey PrivateKey WgBridgeError allowedIp attach checkConfig
      checkInterfaceName formatConfig formatEndpoint listServedInterfaces openTunnel parseConfig
      parseEndpoint persistentKeepalive publicKey readConfigFile
    `);
    const types = words(`
      AllowedIp AttachOptions BackendKind BackendRequest CallOptions Config ConfigFields ConfigFile
      ConfigInput ConnectOptions DatagramOptions DatagramSource DeviceChangeInput DeviceConfig DeviceInput
      DeviceStatus Diagnostic Endpoint EndpointEvent EngineOptions ExposeInput FailedLookups ForwardInput HandshakeEvent
      HostPort LinkEvent ListenAddress ListenOptions LogLevel MtuEvent NetworkStats PeerChangeInput
      PeerConfig PeerInput PeerStatus PersistentKeepalive PingOptions Protocol ProxyAddresses ProxyCounts
      ProxyListenerInput ProxySpec ProxyStats ProxyUser PublicKey ResolveFailedEvent ResolveOptions
      RestartOptions RestartedEvent RestartingEvent RunningProxy SecretKey SilentEvent SocketPath Tunnel
      TunnelDatagram TunnelDatagramEventMap TunnelEnd TunnelEventMap TunnelFeature TunnelOptions
      TunnelServer TunnelServerEventMap TunnelSocket UndiciConnectOptions UndiciConnector UnknownLine
      UserspaceOptions UserspaceTunnel WatchOptions WgBridgeErrorCode
    `);
    assert.deepEqual(declaredBy("index"), [...values, ...types].sort());
    assert.deepEqual(Object.keys(main).sort(), values);
  });

  it('are those listed here for "wg-bridge/uapi"', () => {
    const values = words(`
      ChangeDecoder StatusDecoder decodeChange decodeErrno decodeStatus encodeChange encodeStatus
    `);
    const types = words(`
      DeviceChange DeviceChangeInput DeviceStatus PeerChange PeerChangeInput PeerStatus UnknownLine
    `);
    assert.deepEqual(declaredBy("uapi/index"), [...values, ...types].sort());
    assert.deepEqual(Object.keys(uapi).sort(), values);
  });
});

/// <reference types="node" preserve="true" />
// The line above stays in the declarations: they name Buffer and node:events, which TypeScript 6 and newer
// find in @types/node only if told to.
//
// What "wg-bridge" exports, under the headings of docs/reference.md: scripts/reference reads them here. The
// blank line after each keeps biome from sorting the exports of one heading into another.

// # Open and attach

export type { BackendKind, LogLevel } from "./backends/backend.js";
export type { TunnelFeature } from "./backends/features.js";
export type { BackendRequest } from "./strategy/choose.js";
export { attach, listServedInterfaces, openTunnel } from "./tunnel/open.js";
export type {
  AttachOptions,
  ConfigInput,
  EngineOptions,
  TunnelOptions,
  UserspaceOptions,
  WatchOptions,
} from "./tunnel/options.js";
export type { ResolveOptions } from "./tunnel/reresolve.js";
export type { RestartOptions } from "./tunnel/restart.js";

// # A tunnel

export type { TunnelEnd } from "./backends/backend.js";
export type { CallOptions } from "./input/call-options.js";
export type { Tunnel } from "./tunnel/tunnel.js";

// # A userspace tunnel

export type { HostPort, ListenAddress, Protocol, SocketPath } from "./proxy/address.js";
export type { ExposeInput, ForwardInput, ProxyListenerInput, ProxySpec } from "./proxy/spec.js";
export type { ProxyUser } from "./proxy/users.js";
export type {
  DatagramSource,
  TunnelDatagram,
  TunnelDatagramEventMap,
} from "./station/datagram.js";
export type { TunnelServer, TunnelServerEventMap } from "./station/server.js";
export type { TunnelSocket } from "./station/socket.js";
export type { UndiciConnectOptions, UndiciConnector } from "./userspace/connector.js";
export type { ProxyAddresses, ProxyCounts, ProxyStats, RunningProxy } from "./userspace/proxy.js";
export type {
  ConnectOptions,
  DatagramOptions,
  FailedLookups,
  ListenOptions,
  NetworkStats,
  PingOptions,
  UserspaceTunnel,
} from "./userspace/tunnel.js";

// # Events

export type { EndpointEvent, HandshakeEvent, SilentEvent } from "./device/observe.js";
export type {
  LinkEvent,
  MtuEvent,
  ResolveFailedEvent,
  RestartedEvent,
  RestartingEvent,
  TunnelEventMap,
} from "./tunnel/events.js";

// # Configuration, change and status

export type { DeviceInput } from "./config/config.js";
export type { DeviceChangeInput, PeerChangeInput } from "./device/change.js";
export type { DeviceConfig, PeerConfig, PeerInput } from "./device/config.js";
export type { DeviceStatus, PeerStatus, UnknownLine } from "./device/status.js";

// # Keys and values

export { type AllowedIp, allowedIp } from "./values/allowed-ip.js";
export { type Endpoint, formatEndpoint, parseEndpoint } from "./values/endpoint.js";
export { checkInterfaceName } from "./values/interface-name.js";
export {
  PresharedKey,
  PrivateKey,
  type PublicKey,
  publicKey,
  type SecretKey,
} from "./values/key.js";
export { type PersistentKeepalive, persistentKeepalive } from "./values/number.js";

// # Configuration files

export type { Config, ConfigFields } from "./config/config.js";
export { ConfigDocument } from "./config/document.js";
export { type ConfigFile, readConfigFile } from "./config/file.js";
export { formatConfig } from "./config/format.js";
export { checkConfig, parseConfig } from "./config/parse.js";

// # Errors

export { ConfigError, type Diagnostic } from "./config/diagnostic.js";
export { WgBridgeError, type WgBridgeErrorCode } from "./errors.js";

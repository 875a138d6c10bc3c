/// <reference types="node" preserve="true" />
// The line above stays in the declarations: they name Buffer and node:events, which TypeScript 6 and newer
// find in @types/node only if told to.
export type { Environment } from "./artifacts.js";
export type { BackendKind, LogLevel, TunnelEnd } from "./backends/backend.js";
export type { TunnelFeature } from "./backends/features.js";
export type { Config, ConfigFields, DeviceInput } from "./config/config.js";
export { ConfigError, type Diagnostic } from "./config/diagnostic.js";
export { ConfigDocument } from "./config/document.js";
export { type ConfigFile, readConfigFile } from "./config/file.js";
export { formatConfig } from "./config/format.js";
export { checkConfig, parseConfig } from "./config/parse.js";
export type {
  DeviceChange,
  DeviceChangeInput,
  PeerChange,
  PeerChangeInput,
} from "./device/change.js";
export type { DeviceConfig, PeerConfig, PeerInput } from "./device/config.js";
export type { EndpointEvent, HandshakeEvent, SilentEvent } from "./device/observe.js";
export type { DeviceStatus, PeerStatus, UnknownLine } from "./device/status.js";
export { WgBridgeError, type WgBridgeErrorCode } from "./errors.js";
export type { CallOptions } from "./input/call-options.js";
export type { BackendRequest } from "./strategy/choose.js";
export type { AttachOptions } from "./tunnel/attaching.js";
export type {
  LinkEvent,
  MtuEvent,
  ResolveFailedEvent,
  RestartingEvent,
  TunnelEventMap,
} from "./tunnel/events.js";
export { attach, listServedInterfaces, openTunnel } from "./tunnel/open.js";
export type { ConfigInput, TunnelOptions, WatchOptions } from "./tunnel/options.js";
export type { ResolveOptions } from "./tunnel/reresolve.js";
export type { Lookup } from "./tunnel/resolve.js";
export type { RestartOptions } from "./tunnel/restart.js";
export type { Tunnel } from "./tunnel/tunnel.js";
export { type AllowedIp, allowedIp } from "./values/allowed-ip.js";
export { type Endpoint, formatEndpoint, parseEndpoint } from "./values/endpoint.js";
export { checkInterfaceName, maxInterfaceNameBytes } from "./values/interface-name.js";
export {
  PresharedKey,
  PrivateKey,
  type PublicKey,
  publicKey,
  type SecretKey,
} from "./values/key.js";
export { type PersistentKeepalive, persistentKeepalive } from "./values/number.js";

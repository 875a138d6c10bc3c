export type { Environment } from "./artifacts.js";
export type {
  Backend,
  BackendKind,
  LogLevel,
  RunningTunnel,
  StartOptions,
  TunnelEnd,
} from "./backends/backend.js";
export { WgBridgeError, type WgBridgeErrorCode } from "./errors.js";
export { checkInterfaceName, maxInterfaceNameBytes } from "./interface-name.js";
export {
  type BackendRequest,
  type Choice,
  choose,
  parseBackendRequest,
} from "./strategy/choose.js";
export { type OpenedBackend, openBackend } from "./strategy/open.js";
export { type Artifact, type Probe, probe } from "./strategy/probe.js";

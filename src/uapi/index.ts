// What "wg-bridge/uapi" exports: the codec of the configuration protocol. Apart from the package's main
// entry, which would take half as long again to load with it.
export type { DeviceChange, PeerChange } from "../device/change.js";
export type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
export { ChangeDecoder, decodeChange, encodeChange } from "./change.js";
export { encodeStatus } from "./encode-status.js";
export { decodeErrno, decodeStatus, StatusDecoder } from "./status-decoder.js";

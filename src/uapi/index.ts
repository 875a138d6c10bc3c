/// <reference types="node" preserve="true" />
// The line above stays in the declarations: they name Buffer and node:events, which TypeScript 6 and newer
// find in @types/node only if told to.
//
// What "wg-bridge/uapi" exports: the codec of the configuration protocol. It is apart from the main entry,
// which would take half as long again to load with it.

// # The UAPI codec (wg-bridge/uapi)

export type {
  DeviceChange,
  DeviceChangeInput,
  PeerChange,
  PeerChangeInput,
} from "../device/change.js";
export type { DeviceStatus, PeerStatus, UnknownLine } from "../device/status.js";
export { ChangeDecoder, decodeChange } from "./change-decoder.js";
export { encodeChange, encodeStatus } from "./encode-input.js";
export { decodeErrno, decodeStatus, StatusDecoder } from "./status-decoder.js";

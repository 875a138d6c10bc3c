import assert from "node:assert/strict";
import fc from "fast-check";
import { WgBridgeError } from "../../src/errors.js";
import { encodeStatus } from "../../src/uapi/encode.js";
import { decodeErrno, decodeStatus, StatusDecoder } from "../../src/uapi/status-decoder.js";
import { statuses } from "./arbitrary.js";
import { reveal } from "./reveal.js";

const key = "a1".repeat(32);

function assertTyped(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.ok(!error.message.includes(key), "the message holds a key");
  }
}

function fails(text: string, code: string): void {
  assert.throws(
    () => decodeStatus(Buffer.from(text)),
    (error) => error instanceof WgBridgeError && error.code === code,
  );
}

describe("the decoder of a status", () => {
  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(statuses, (status) => {
        assert.deepEqual(reveal(decodeStatus(encodeStatus(status))), reveal(status));
      }),
    );
  });

  it("does not care how the answer is cut into pieces", () => {
    fc.assert(
      fc.property(statuses, fc.integer({ min: 1, max: 50 }), (status, size) => {
        const answer = encodeStatus(status);
        const decoder = new StatusDecoder();
        for (let at = 0; at < answer.length; at += size) {
          assert.equal(decoder.done, false);
          const piece = Buffer.from(answer.subarray(at, at + size));
          decoder.push(piece);
          piece.fill(0xff); // nothing of it may be kept
        }
        assert.equal(decoder.done, true);
        assert.deepEqual(reveal(decoder.end()), reveal(status));
      }),
    );
  });

  it("answers any damage with a typed error, or with a status", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
    fc.assert(
      fc.property(statuses, damage, fc.nat(), (status, changes, cut) => {
        const answer = encodeStatus(status);
        for (const [at, byte] of changes) answer[at % answer.length] = byte;
        assertTyped(() => decodeStatus(answer));
        assertTyped(() => decodeStatus(answer.subarray(0, cut % answer.length)));
      }),
      { numRuns: 300 },
    );
  });

  it("answers any bytes with a typed error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assertTyped(() => decodeStatus(bytes));
        assertTyped(() => decodeErrno(bytes));
      }),
    );
  });

  it("reads a preshared key of zeros, a handshake at zero and no interval as absent", () => {
    const answer = `public_key=${key}\npreshared_key=${"0".repeat(64)}\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\npersistent_keepalive_interval=0\nerrno=0\n\n`;
    const [peer] = decodeStatus(Buffer.from(answer)).peers;
    assert.equal(peer?.presharedKey, undefined);
    assert.equal(peer?.latestHandshake, undefined);
    assert.equal(peer?.persistentKeepalive, "off");
  });

  it("refuses what is not an answer", () => {
    fails("errno=0\n", "WG_BRIDGE_UAPI");
    fails("\n", "WG_BRIDGE_UAPI");
    fails("listen_port=65536\nerrno=0\n\n", "WG_BRIDGE_UAPI");
    fails("listen_port=\nerrno=0\n\n", "WG_BRIDGE_UAPI");
    fails(`public_key=${"g".repeat(64)}\nerrno=0\n\n`, "WG_BRIDGE_UAPI");
    fails(`public_key=${key}\ntx_bytes=18446744073709551616\nerrno=0\n\n`, "WG_BRIDGE_UAPI");
    fails(`public_key=${key}\nallowed_ip=10.0.0.0/33\nerrno=0\n\n`, "WG_BRIDGE_ALLOWED_IP");
    fails(`x=${"y".repeat(5000)}\nerrno=0\n\n`, "WG_BRIDGE_UAPI");
    fails("errno=0\n\nerrno=0\n\n", "WG_BRIDGE_UAPI");
    fails("errno=-22\n\n", "WG_BRIDGE_REFUSED");
  });

  it("reads 65,536 peers, and one peer's 130,560 allowed IPs", () => {
    const peer = (index: number) =>
      `public_key=${index.toString(16).padStart(64, "1")}\nallowed_ip=10.${index >> 8}.${index & 255}.0/32\n`;
    const peers = Array.from({ length: 65_536 }, (_, index) => peer(index)).join("");
    assert.equal(decodeStatus(Buffer.from(`${peers}errno=0\n\n`)).peers.length, 65_536);
    const ips = Array.from(
      { length: 130_560 },
      (_, index) => `allowed_ip=10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32\n`,
    ).join("");
    const [only] = decodeStatus(Buffer.from(`public_key=${key}\n${ips}errno=0\n\n`)).peers;
    assert.equal(only?.allowedIps.length, 130_560);
  });
});

describe("the errno of an answer", () => {
  it("is positive, or zero", () => {
    assert.equal(decodeErrno(Buffer.from("errno=0\n\n")), 0);
    assert.equal(decodeErrno(Buffer.from("errno=-98\n\n")), 98);
    assert.equal(decodeErrno(Buffer.from("errno=98\n\n")), 98);
  });
});

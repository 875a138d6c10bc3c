import assert from "node:assert/strict";
import fc from "fast-check";
import { hasCode, WgBridgeError } from "../../src/errors.js";
import { DatagramReader, encodeDatagram, maxPayload } from "../../src/station/datagram-frames.js";
import {
  encodeFrame,
  FrameReader,
  type Message,
  maxFrameLength,
} from "../../src/station/frames.js";
import { formatAddress } from "../../src/values/address.js";

/** Cuts bytes into pieces at these places. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  let start = 0;
  return ends.map((end) => {
    const piece = bytes.subarray(start, end);
    start = end;
    return piece;
  });
}

const places = fc.array(fc.nat(100_000), { maxLength: 20 });

/** As a value is after JSON. */
const message = fc
  .dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 })
  .map((value): Message => JSON.parse(JSON.stringify(value)));

describe("a station's frames", () => {
  it("are read as they were written, however they arrive", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), places, fc.uint8Array(), (all, at, rest) => {
        const reader = new FrameReader();
        const read: Message[] = [];
        const bytes = Buffer.concat(all.map(encodeFrame));
        for (const piece of cut(bytes, at)) {
          reader.push(piece);
          for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next);
        }
        reader.push(Buffer.from(rest));
        assert.deepEqual(read, all);
        assert.deepEqual(reader.rest(), Buffer.from(rest));
        assert.equal(reader.rest().length, 0);
      }),
    );
  });

  it("that are malformed give an error, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const reader = new FrameReader();
        reader.push(Buffer.from(bytes));
        try {
          while (reader.next() !== undefined);
        } catch (error) {
          assert.ok(hasCode(error, "WG_BRIDGE_ENGINE"), String(error));
        }
      }),
    );
    const frame = (json: string) => {
      const bytes = Buffer.alloc(4 + Buffer.byteLength(json));
      bytes.writeUInt32BE(bytes.length - 4);
      bytes.write(json, 4);
      return bytes;
    };
    for (const json of ["", "[]", "1", "null", '"text"', "{", '{"a":}', "\u0000"]) {
      const reader = new FrameReader();
      reader.push(frame(json));
      assert.throws(() => reader.next(), WgBridgeError, json);
    }
  });

  it("may not be longer than the protocol allows", () => {
    const name = "x".repeat(maxFrameLength - '{"a":""}'.length);
    assert.equal(encodeFrame({ a: name }).length, maxFrameLength + 4);
    assert.throws(() => encodeFrame({ a: `${name}x` }), { code: "WG_BRIDGE_VALUE" });
    const reader = new FrameReader();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(maxFrameLength + 1);
    reader.push(header);
    assert.throws(() => reader.next(), { code: "WG_BRIDGE_ENGINE" });
  });
});

describe("the frames of datagrams", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Often the same one again, or one that differs from the one before in a byte.
    fc.constantFrom(...[1, 2].map((last) => Uint8Array.of(10, 0, 0, last))),
  );
  const datagram = fc.record({ address, port: fc.nat(65_535), payload: fc.uint8Array() });

  it("are read as they were written, however they arrive", () => {
    fc.assert(
      fc.property(fc.array(datagram, { maxLength: 5 }), places, (all, at) => {
        const reader = new DatagramReader();
        const bytes = Buffer.concat(
          all.map((one) => encodeDatagram(one.address, one.port, one.payload)),
        );
        const read = cut(bytes, at).flatMap((piece) => reader.push(piece));
        assert.deepEqual(
          read,
          all.map((one) => ({
            address: formatAddress(one.address),
            family: one.address.length === 4 ? "IPv4" : "IPv6",
            port: one.port,
            payload: Buffer.from(one.payload),
          })),
        );
      }),
    );
  });

  it("hold the longest payload that UDP has", () => {
    const frame = encodeDatagram(new Uint8Array(16), 1, new Uint8Array(maxPayload));
    const [read] = new DatagramReader().push(frame);
    assert.equal(read?.payload.length, maxPayload);
  });

  it("that are malformed give an error, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          new DatagramReader().push(Buffer.from(bytes));
        } catch (error) {
          assert.ok(hasCode(error, "WG_BRIDGE_ENGINE"), String(error));
        }
      }),
    );
    for (const bytes of [
      [0, 0],
      [0, 1, 4],
      [0, 6, 4, 1, 2, 3, 4, 5],
      [0, 7, 5, 1, 2, 3, 4, 5, 0],
    ]) {
      assert.throws(() => new DatagramReader().push(Buffer.from(bytes)), {
        code: "WG_BRIDGE_ENGINE",
      });
    }
  });
});

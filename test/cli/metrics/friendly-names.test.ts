import assert from "node:assert/strict";
import { friendlyNames } from "../../../src/cli/metrics/friendly-names.js";

const one = `${"A".repeat(42)}E=`;
const two = `${"B".repeat(42)}A=`;

describe("names of peers in a configuration's comments", () => {
  it("are their sections', before the key or behind it", () => {
    const text = `[Interface]
# friendly_name=not a peer
[Peer]
# friendly_name=OnePlus 6T
PublicKey = ${one}
[Peer]
publickey=${two}
#Friendly_Name = varch.local "laptop"  
`;
    assert.deepEqual(
      [...friendlyNames(text)],
      [
        [one, "OnePlus 6T"],
        [two, 'varch.local "laptop"'],
      ],
    );
  });

  it("are no other comments, and none of a section without a key", () => {
    const text = `[Peer]\n# laptop\nPublicKey = ${one}\n[Peer]\n# friendly_name=x\n[Peer]\nPublicKey = ${two}\n`;
    assert.equal(friendlyNames(text).size, 0);
  });
});

import assert from "node:assert/strict";
import { friendlyLabels } from "../../../src/cli/metrics/friendly-labels.js";
import { WgBridgeError } from "../../../src/errors.js";

const one = `${"A".repeat(42)}E=`;
const two = `${"B".repeat(42)}A=`;
const three = `${"C".repeat(42)}E=`;
const named = (name: string) => ({ friendly_name: name });

describe("labels of peers in a configuration's comments", () => {
  it("belong to their section, before or after the key", () => {
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
      [...friendlyLabels(text)],
      [
        [one, named("OnePlus 6T")],
        [two, named('varch.local "laptop"')],
      ],
    );
  });

  it("belong to the section right below, not the one before", () => {
    const text = `[Interface]
# friendly_name = one
[Peer]
PublicKey = ${one}
AllowedIPs = 10.0.0.1/32
# friendly_name = two
# bought in May
[Peer]
PublicKey = ${two}

# friendly_name = three
[Peer]
PublicKey = ${three}
`;
    assert.deepEqual(
      [...friendlyLabels(text)],
      [
        [one, named("one")],
        [two, named("two")],
        [three, named("three")],
      ],
    );
  });

  it("belong to the section before if the one below has its own, as the exporter reads them", () => {
    const text = `[Peer]
PublicKey = ${one}
# friendly_name = one
[Peer]
# friendly_name = two
PublicKey = ${two}

# friendly_name = two
[Peer]
# friendly_name = three
PublicKey = ${three}
`;
    assert.deepEqual(
      [...friendlyLabels(text)],
      [
        [one, named("one")],
        [two, named("two")],
        [three, named("three")],
      ],
    );
  });

  it("are all members of a friendly_json, in a stable order", () => {
    const text = `[Peer]
# friendly_json = {"username":"ann", "id":482217555, "admin": true, "first_name": "A \\"n\\" n"}
PublicKey = ${one}
# friendly_json={}
[Peer]
PublicKey = ${two}
`;
    assert.deepEqual(
      [...friendlyLabels(text)],
      [
        [one, { admin: "true", first_name: 'A "n" n', id: "482217555", username: "ann" }],
        [two, {}],
      ],
    );
    assert.deepEqual(Object.keys(friendlyLabels(text).get(one) ?? {}), [
      "admin",
      "first_name",
      "id",
      "username",
    ]);
  });

  it("are refused, with their line, if they cannot be labels", () => {
    for (const [json, problem] of [
      ["{", /not a JSON object/],
      ["[1]", /not a JSON object/],
      ["null", /not a JSON object/],
      ['{"first name":1}', /"first name" cannot be/],
      ['{"__name__":1}', /cannot be a label's name/],
      ['{"public_key":"x"}', /every peer has a label public_key/],
      ['{"\\u001b[2J":1}', /"\\u001b\[2J" cannot be/],
    ] as const) {
      assert.throws(
        () => friendlyLabels(`[Peer]\nPublicKey = ${one}\n# friendly_json = ${json}\n`),
        (error) => {
          assert.ok(error instanceof WgBridgeError && error.code === "WG_BRIDGE_CONFIG");
          assert.match(error.message, /in line 3 /);
          assert.match(error.message, problem);
          return true;
        },
      );
    }
  });

  it("are the names that PiVPN and wireguard-install write, if there are no others", () => {
    const text = `[Interface]
### begin ann ###
[Peer]
PublicKey = ${one}
### end ann ###
#[disabled] ### begin eve ###
#[disabled] [Peer]
#[disabled] PublicKey = ${one}
#[disabled] ### end eve ###
### begin bob ###
[Peer]
# friendly_name = Bob
PublicKey = ${two}
### end bob ###
# BEGIN_PEER carl
[Peer]
PublicKey = ${three}
# END_PEER carl
`;
    assert.deepEqual(
      [...friendlyLabels(text)],
      [
        [one, named("ann")],
        [two, named("Bob")],
        [three, named("carl")],
      ],
    );
  });

  it("are not other comments, nor those of a section without a key", () => {
    const text = `[Peer]\n# laptop\nPublicKey = ${one}\n[Peer]\n# friendly_name=x\n\n[Peer]\nPublicKey = ${two}\n`;
    assert.equal(friendlyLabels(text).size, 0);
  });
});

package aead

import (
	"encoding/hex"
	"strings"
	"testing"
)

// The vectors of RFC 8439 for ChaCha20 whose counter begins at 1, as it does here. The RFC's tags are over associated
// data; poly1305's tests compute those.
func TestRFC8439(t *testing.T) {
	requireSupport(t)
	const sunscreen = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
	for _, vector := range []struct{ section, key, nonce, plaintext, ciphertext string }{
		{
			"2.4.2", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "000000000000004a00000000", sunscreen,
			`6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b
			 f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8
			 07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736
			 5af90bbf74a35be6b40b8eedf2785e42874d`,
		},
		{
			"2.8.2", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647", sunscreen,
			`d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
			 3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
			 92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
			 3ff4def08e4b7a9de576d26586cec64b6116`,
		},
		{
			"A.2, test vector 2", strings.Repeat("00", 31) + "01", strings.Repeat("00", 11) + "02",
			`Any submission to the IETF intended by the Contributor for publication as all or part of an IETF Internet-Draft or ` +
				`RFC and any statement made within the context of an IETF activity is considered an "IETF Contribution". Such ` +
				`statements include oral statements in IETF sessions, as well as written and electronic communications made at ` +
				`any time or place, which are addressed to`,
			`a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec
			 2a97948bd3722915c8f3d337f7d370050e9e96d647b7c39f56e031ca5eb6250d
			 4042e02785ececfa4b4bb5e8ead0440e20b6e8db09d881a7c6132f420e527950
			 42bdfa7773d8a9051447b3291ce1411c680465552aa6c405b7764d5e87bea85a
			 d00f8449ed8f72d0d662ab052691ca66424bc86d2df80ea41f43abf937d3259d
			 c4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b
			 0871cdac638939e25e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6c
			 cc3aaf9f3979c92b3720fc88dc95ed84a1be059c6499b9fda236e7e818b04b0b
			 c39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80ef2554d7189c411f
			 5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e6
			 98ced759c3ff9b6477338f3da4f9cd8514ea9982ccafb341b2384dd902f3d1ab
			 7ac61dd29c6f21ba5b862f3730e37cfdc4fd806c22f221`,
		},
	} {
		t.Run(vector.section, func(t *testing.T) {
			key, nonce := fromHex(t, vector.key), fromHex(t, vector.nonce)
			out := make([]byte, len(vector.plaintext)+overhead)
			Seal(out, (*[32]byte)(key), (*[12]byte)(nonce), []byte(vector.plaintext))
			want := hex.EncodeToString(fromHex(t, vector.ciphertext))
			if got := hex.EncodeToString(out[:len(vector.plaintext)]); got != want {
				t.Errorf("the ciphertext is\n%s, not\n%s", got, want)
			}
		})
	}
}

// fromHex reads hexadecimal digits with white space between them.
func fromHex(t *testing.T, digits string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

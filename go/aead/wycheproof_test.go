package aead

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20"

	"wg-bridge/go/aead/poly1305"
)

// wycheproofVector is one entry of chacha20_poly1305_test.json.
type wycheproofVector struct {
	ID         int    `json:"tcId"`
	Comment    string `json:"comment"`
	Key        octets `json:"key"`
	Nonce      octets `json:"iv"`
	Associated octets `json:"aad"`
	Message    octets `json:"msg"`
	Ciphertext octets `json:"ct"`
	Tag        octets `json:"tag"`
	Result     string `json:"result"`
}

type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// TestWycheproof runs the vectors with nonces of 12 bytes. With associated data, which most of the edge cases have, Seal
// makes the ciphertext and poly1305, whose assembly is the same, the tag.
func TestWycheproof(t *testing.T) {
	requireSupport(t)
	withTag, withoutTag := 0, 0
	for _, v := range wycheproofVectors(t) {
		if len(v.Nonce) != 12 {
			continue
		}
		key, nonce := (*[32]byte)(v.Key), (*[12]byte)(v.Nonce)
		sealed := make([]byte, len(v.Message)+overhead)
		Seal(sealed, key, nonce, v.Message)
		tag := sealed[len(v.Message):]
		if len(v.Associated) > 0 {
			withoutTag++
			computed := tagOf(t, &v)
			tag = computed[:]
		} else {
			withTag++
			opens := Open(make([]byte, len(v.Ciphertext)), key, nonce, append(bytes.Clone(v.Ciphertext), v.Tag...))
			if opens != (v.Result == "valid") {
				t.Errorf("vector %d (%s), %s, opens: %t", v.ID, v.Comment, v.Result, opens)
			}
		}
		if !bytes.Equal(sealed[:len(v.Message)], v.Ciphertext) {
			t.Errorf("vector %d (%s): the ciphertext is another", v.ID, v.Comment)
		}
		if bytes.Equal(tag, v.Tag) != (v.Result == "valid") {
			t.Errorf("vector %d (%s), %s, tag %x, the vector's is %x", v.ID, v.Comment, v.Result, tag, v.Tag)
		}
	}
	if withTag < 45 || withoutTag < 270 {
		t.Errorf("%d vectors without associated data and %d with it: there were 45 and 271", withTag, withoutTag)
	}
}

// tagOf computes the tag of a vector's ciphertext and associated data.
func tagOf(t *testing.T, v *wycheproofVector) [16]byte {
	t.Helper()
	cipher, err := chacha20.NewUnauthenticatedCipher(v.Key, v.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	var key [32]byte
	cipher.XORKeyStream(key[:], key[:])
	whole := append(bytes.Clone(v.Associated), make([]byte, -len(v.Associated)&15)...)
	return poly1305.Sum(&key, append(whole, v.Ciphertext...), len(v.Associated), len(v.Ciphertext))
}

// wycheproofVectors reads the file in Go's module cache: test/wycheproof pins the module.
func wycheproofVectors(t *testing.T) (vectors []wycheproofVector) {
	t.Helper()
	command := exec.Command("go", "list", "-C", "../../test/wycheproof", "-m", "-f", "{{.Dir}}", "github.com/c2sp/wycheproof")
	command.Env = append(os.Environ(), "GOPROXY=off")
	directory, err := command.Output()
	if err != nil || strings.TrimSpace(string(directory)) == "" {
		t.Skip("Wycheproof's vectors are not installed: run scripts/test-tools")
	}
	file, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(directory)), "testvectors_v1", "chacha20_poly1305_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Groups []struct {
			Tests []wycheproofVector `json:"tests"`
		} `json:"testGroups"`
	}
	if err := json.Unmarshal(file, &content); err != nil {
		t.Fatal(err)
	}
	for _, group := range content.Groups {
		vectors = append(vectors, group.Tests...)
	}
	return vectors
}

package inet

import (
	"bytes"
	"slices"
	"testing"
)

func TestAnOptionIsFoundAmongOthers(t *testing.T) {
	stamp := []byte{byte(TCPOptionTimestamps), 10, 1, 2, 3, 4, 5, 6, 7, 8}
	for name, test := range map[string]struct {
		options []byte
		want    bool
	}{
		"as usual":                {slices.Concat([]byte{1, 1}, stamp), true},
		"at the beginning":        {slices.Concat(stamp, []byte{0, 0}), true},
		"after another":           {slices.Concat([]byte{2, 4, 5, 6}, stamp, []byte{1, 1}), true},
		"after the end":           {slices.Concat([]byte{0, 1}, stamp), false},
		"none":                    {[]byte{1, 1, 1, 1}, false},
		"cut off":                 {slices.Concat([]byte{1, 1, 1, 1}, stamp[:8]), false},
		"after one without end":   {slices.Concat([]byte{2, 0}, stamp), false},
		"after one that is long":  {slices.Concat([]byte{2, 99}, stamp), false},
		"a kind without a length": {[]byte{1, 1, 1, byte(TCPOptionTimestamps)}, false},
	} {
		value, found := TCPOptionOf(TCPOptionTimestamps, slices.Clip(test.options))
		if found != test.want || found && !bytes.Equal(value, stamp[2:]) {
			t.Errorf("%s: %x, %v", name, value, found)
		}
		erased := slices.Clone(test.options)
		if found {
			copy(erased[bytes.Index(erased, stamp):], bytes.Repeat([]byte{byte(TCPOptionNothing)}, len(stamp)))
		}
		if EraseTCPOption(TCPOptionTimestamps, test.options); !bytes.Equal(test.options, erased) {
			t.Errorf("%s: erased %x", name, test.options)
		}
	}
}

func FuzzAnyOptionsAreSearched(f *testing.F) {
	f.Add([]byte{1, 1, byte(TCPOptionSACK), 10, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, options []byte) {
		for kind := range TCPOption(10) {
			if value, ok := TCPOptionOf(kind, slices.Clip(options)); ok && !bytes.Contains(options, value) {
				t.Errorf("kind %d: %x of %x", kind, value, options)
			}
			EraseTCPOption(kind, options)
		}
	})
}

package station

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

// toText returns a value as JSON.
func toText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	text = bytes.ReplaceAll(text, []byte(`","`), []byte(" "))
	return string(text)
}

func TestFramesAreReadAsTheyWereWrittenHoweverTheyArrive(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []string
	for range 200 {
		value := strings.Repeat("x", random.IntN(1<<random.IntN(16)))
		want = append(want, `"`+value+`"`)
		var err error
		if stream, err = appendFrame(stream, value); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]io.Reader{
		"whole":       bytes.NewReader(stream),
		"by bytes":    iotest.OneByteReader(bytes.NewReader(stream)),
		"with an end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		for i, frame := range want {
			got, err := readFrame(from)
			if err != nil || string(got) != frame {
				t.Fatalf("%s: frame %d: %d bytes, %v; want %d", name, i, len(got), err, len(frame))
			}
		}
		if _, err := readFrame(from); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v at the end", name, err)
		}
	}
}

func TestAFrameThatIsNoneIsRefusedBeforeItIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		text []byte
		want error
	}{
		"empty":                {header(0), unix.EPROTO},
		"too long":             {append(header(maxFrame+1), make([]byte, maxFrame+1)...), unix.EPROTO},
		"HTTP":                 {[]byte("GET / HTTP/1.1\r\n\r\n"), unix.EPROTO},
		"cut short":            {append(header(10), "{}"...), io.ErrUnexpectedEOF},
		"a header cut short":   {header(10)[:3], io.ErrUnexpectedEOF},
		"as long as it may be": {append(header(maxFrame), make([]byte, maxFrame)...), nil},
	} {
		if text, err := readFrame(bytes.NewReader(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%s: %d bytes, %v; want %v", name, len(text), err, test.want)
		}
	}
	following := strings.NewReader(string(header(2)) + "{}following")
	if _, err := readFrame(following); err != nil || following.Len() != len("following") {
		t.Errorf("%v; %d bytes are left", err, following.Len())
	}
}

func TestRequestsWithUnknownFieldsAreReadAndWhatIsNoObjectIsRefused(t *testing.T) {
	r, err := parseRequest([]byte(`{"v":1,"kind":"connect","later":{"a":[1]},"port":80,"keepAlive":12.5,"noDelay":null}`))
	if err != nil || r.Kind != "connect" || r.Port != 80 || r.KeepAlive == nil || !r.KeepAlive.on || r.NoDelay != nil {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]error{
		"":                          unix.EPROTO,
		"null":                      unix.EPROTO,
		"[]":                        unix.EPROTO,
		`"{}"`:                      unix.EPROTO,
		"{":                         unix.EPROTO,
		"{}{}":                      unix.EPROTO,
		`{"id":-1}`:                 unix.EINVAL,
		`{"port":65536}`:            unix.EINVAL,
		`{"kind":1}`:                unix.EINVAL,
		`{"addresses":"10.9.0.1"}`:  unix.EINVAL,
		`{"keepAlive":-1}`:          unix.EINVAL,
		`{"keepAlive":1e300}`:       unix.EINVAL,
		`{"keepAlive":{}}`:          unix.EINVAL,
		strings.Repeat("[", 20_000): unix.EPROTO,
	} {
		if _, err := parseRequest([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		`{"v":1,"kind":"control"}`, `{"v":1,"kind":"connect","host":"far","port":80,"keepAlive":true,"timeout":5}`, `{"id":7,"kind":"ack","stream":3}`,
		`{"kind":"network","addresses":["10.9.0.1"],"dns":[],"search":["a"],"mtu":1420}`, `{"port":"80"}`, `{`, `[]`,
	} {
		frame, err := appendFrame(nil, json.RawMessage(text))
		if err != nil {
			frame = append(header(uint32(len(text))), text...)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		from := bytes.NewReader(stream)
		text, err := readFrame(from)
		if err != nil {
			return
		}
		if left := len(stream) - frameHeader - len(text); from.Len() != left {
			t.Errorf("%d bytes are left, not %d", from.Len(), left)
		}
		_, err = parseRequest(text)
		if err != nil && !errors.Is(err, unix.EPROTO) && !errors.Is(err, unix.EINVAL) {
			t.Error(err)
		}
		if object := json.Valid(text) && bytes.TrimSpace(text)[0] == '{'; object == errors.Is(err, unix.EPROTO) {
			t.Errorf("%.100q: %v", text, err)
		}
	})
}

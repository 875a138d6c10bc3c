package soak

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// stationPath returns where a station's socket can be: in a directory that only this user may enter.
func stationPath(t testing.TB) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "soak")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return filepath.Join(directory, "station")
}

// A station is the socket of a tunnel that has no interface: see docs/station.md.
type station struct {
	path    string
	control *net.UnixConn
	latest  uint64 // id of a request
}

// An answer of a station. An event has no ID.
type answer struct {
	ID      uint64 `json:"id"`
	Errno   string `json:"errno"`
	Message string `json:"message"`
}

func openStation(ctx context.Context, t testing.TB, path string) *station {
	t.Helper()
	s := &station{path: path}
	var err error
	if s.control, err = s.open(ctx, map[string]any{"kind": "control"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.control.Close() })
	return s
}

// open makes a connection of some kind, and returns it once the station has answered.
func (s *station) open(ctx context.Context, request map[string]any) (*net.UnixConn, error) {
	dialed, err := (&net.Dialer{}).DialContext(ctx, "unix", s.path)
	if err != nil {
		return nil, fmt.Errorf("connecting to the station: %w", err)
	}
	connection := dialed.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(longAgo) })
	defer stop()
	request["v"] = 1
	if _, err := ask(connection, request); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
}

// ask sends a request, and returns the next answer.
func ask(connection net.Conn, request map[string]any) (a answer, err error) {
	text, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	if _, err := connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		return a, fmt.Errorf("asking the station: %w", err)
	}
	var length [4]byte
	if _, err := io.ReadFull(connection, length[:]); err != nil {
		return a, fmt.Errorf("reading the station's answer: %w", err)
	}
	text = make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(connection, text); err != nil {
		return a, fmt.Errorf("reading the station's answer: %w", err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("reading the station's answer: %w", err)
	}
	if a.Errno != "" {
		return a, fmt.Errorf("the station answers %v with %s: %s", request, a.Errno, a.Message)
	}
	return a, nil
}

// exchange sends a request of the configuration protocol, and returns the answer.
func (s *station) exchange(ctx context.Context, request string) (string, error) {
	connection, err := s.open(ctx, map[string]any{"kind": "uapi"})
	if err != nil {
		return "", err
	}
	return exchangeOn(ctx, connection, request)
}

// dial connects to an address and port in the tunnel.
func (s *station) dial(ctx context.Context, address string, port int) (stream, error) {
	connection, err := s.open(ctx, map[string]any{"kind": "connect", "address": address, "port": port})
	if err != nil {
		return nil, err
	}
	return connection, nil
}

// setNetwork sets the network's addresses and its MTU. An MTU of 0 stays as it is. No stream may have failed before.
func (s *station) setNetwork(addresses []string, mtu int) error {
	s.latest++
	a, err := ask(s.control, map[string]any{"kind": "network", "id": s.latest, "addresses": addresses, "mtu": mtu})
	if err == nil && a.ID != s.latest {
		err = errors.New("the station reports a stream that has failed")
	}
	return err
}

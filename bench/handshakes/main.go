// Handshakes measures how many handshake initiations a WireGuard endpoint answers a second.
//
//	handshakes ADDRESS:PORT RESPONDER COUNT
//
// RESPONDER is the endpoint's public key in base64. Handshakes makes an initiation for it from each of COUNT
// initiators, and prints the address that it sends from and the initiators' public keys, a line each. Once it
// reads a line on standard input, it sends the initiations, a window at a time, and prints one line of JSON: how
// many were answered, in all and a second.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/crypto/curve25519"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/tuntest"
)

// window is how many initiations are under way. From 128 in its queue on, an engine asks for cookies.
const window = 32

// patience is how long to wait for an answer before the initiations under way count as lost.
const patience = time.Second

type result struct {
	Answered  int     `json:"answered"`
	PerSecond float64 `json:"perSecond"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "handshakes:", err)
		os.Exit(1)
	}
}

func run(args []string, input io.Reader, output io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: handshakes ADDRESS:PORT RESPONDER COUNT")
	}
	var responder device.NoisePublicKey
	if decoded, err := base64.StdEncoding.DecodeString(args[1]); err != nil || len(decoded) != len(responder) {
		return fmt.Errorf("%q is not a public key in base64", args[1])
	} else {
		copy(responder[:], decoded)
	}
	count, err := strconv.Atoi(args[2])
	if err != nil || count < 1 {
		return fmt.Errorf("%q is not a number of handshakes", args[2])
	}
	socket, err := net.Dial("udp", args[0])
	if err != nil {
		return fmt.Errorf("cannot reach the responder: %w", err)
	}
	defer socket.Close()

	if _, err := fmt.Fprintln(output, socket.LocalAddr()); err != nil {
		return fmt.Errorf("cannot print the address: %w", err)
	}
	initiations, err := initiate(responder, count, output)
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(input).ReadString('\n'); err != nil {
		return fmt.Errorf("nobody said when to begin: %w", err)
	}
	measured, err := exchange(socket, initiations)
	if err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(measured)
}

// initiate makes one initiation for each of count new initiators, and writes their public keys.
func initiate(responder device.NoisePublicKey, count int, keys io.Writer) ([][]byte, error) {
	engine := device.NewDevice(tuntest.NewChannelTUN().TUN(), conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, ""))
	defer engine.Close()
	peer, err := engine.NewPeer(responder)
	if err != nil {
		return nil, fmt.Errorf("cannot take the responder as a peer: %w", err)
	}
	var macs device.CookieGenerator
	macs.Init(responder)
	written := bufio.NewWriter(keys)
	initiations := make([][]byte, count)
	for i := range initiations {
		private, public, err := newKey()
		if err != nil {
			return nil, err
		}
		if err := engine.SetPrivateKey(private); err != nil {
			return nil, fmt.Errorf("cannot become another initiator: %w", err)
		}
		message, err := engine.CreateMessageInitiation(peer)
		if err != nil {
			return nil, fmt.Errorf("cannot make an initiation: %w", err)
		}
		var packet bytes.Buffer
		if err := binary.Write(&packet, binary.LittleEndian, message); err != nil {
			return nil, fmt.Errorf("cannot write an initiation: %w", err)
		}
		macs.AddMacs(packet.Bytes())
		initiations[i] = packet.Bytes()
		fmt.Fprintln(written, base64.StdEncoding.EncodeToString(public))
	}
	if err := written.Flush(); err != nil {
		return nil, fmt.Errorf("cannot print the public keys: %w", err)
	}
	return initiations, nil
}

func newKey() (private device.NoisePrivateKey, public []byte, err error) {
	if _, err := rand.Read(private[:]); err != nil {
		return private, nil, fmt.Errorf("cannot make a key: %w", err)
	}
	public, err = curve25519.X25519(private[:], curve25519.Basepoint)
	if err != nil {
		return private, nil, fmt.Errorf("cannot make a key: %w", err)
	}
	return private, public, nil
}

// exchange sends the initiations and counts the responses.
func exchange(socket net.Conn, initiations [][]byte) (result, error) {
	began := time.Now()
	last := began
	answer := make([]byte, device.MaxMessageSize)
	sent, answered, underWay := 0, 0, 0
	for sent < len(initiations) || underWay > 0 {
		for ; underWay < window && sent < len(initiations); underWay++ {
			if _, err := socket.Write(initiations[sent]); err != nil {
				return result{}, fmt.Errorf("cannot send an initiation: %w", err)
			}
			sent++
		}
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return result{}, fmt.Errorf("cannot wait for a response: %w", err)
		}
		size, err := socket.Read(answer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			underWay = 0
			continue
		}
		if err != nil {
			return result{}, fmt.Errorf("cannot read a response: %w", err)
		}
		underWay--
		if size == device.MessageResponseSize && binary.LittleEndian.Uint32(answer) == device.MessageResponseType {
			answered++
			last = time.Now()
		}
	}
	if answered == 0 {
		return result{}, errors.New("no initiation was answered")
	}
	return result{answered, float64(answered) / last.Sub(began).Seconds()}, nil
}

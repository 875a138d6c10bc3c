package resolve_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"wg-bridge/go/proxy/proxytest"
	"wg-bridge/go/resolve"
)

var (
	own4    = netip.MustParseAddr("10.0.0.2")
	own6    = netip.MustParseAddr("fd00::2")
	server1 = netip.MustParseAddr("10.0.0.53")
	server2 = netip.MustParseAddr("fd00::53")
)

// A query is what a server was asked.
type query struct {
	id       uint16
	question dnsmessage.Question
	from     netip.AddrPort
	overTCP  bool
	extended bool
}

func (q query) name() string { return q.question.Name.String() }

// A server is a DNS server on both transports. answer returns the messages to send, each from the server's address.
type server struct {
	network *proxytest.Network
	socket  *proxytest.PacketConn
	answer  func(query) [][]byte

	mu      sync.Mutex
	queries []query
}

// serve starts a server that ends with the test.
func serve(t *testing.T, network *proxytest.Network, address netip.Addr, answer func(query) [][]byte) *server {
	t.Helper()
	socket, err := network.HostUDP(netip.AddrPortFrom(address, 53))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := network.ListenTCP(netip.AddrPortFrom(address, 53), 8)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{network: network, socket: socket, answer: answer}
	var running sync.WaitGroup
	running.Go(func() { s.serveUDP(t) })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.serveTCP(t, conn) })
		}
	})
	t.Cleanup(func() {
		socket.Close()
		listener.Close()
		running.Wait()
	})
	return s
}

func (s *server) serveUDP(t *testing.T) {
	buffer := make([]byte, 65535)
	for {
		length, from, err := s.socket.ReadFromAddrPort(buffer)
		if err != nil {
			return
		}
		for _, message := range s.receive(t, buffer[:length], from, false) {
			if _, err := s.socket.WriteToAddrPort(message, from); err != nil {
				t.Errorf("answering: %v", err)
			}
		}
	}
}

func (s *server) serveTCP(t *testing.T, conn net.Conn) {
	defer conn.Close()
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		t.Errorf("reading a question over TCP: %v", err)
		return
	}
	for _, answer := range s.receive(t, message, netip.AddrPort{}, true) {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
	_, _ = conn.Read(length[:]) // until the other end has read it
}

func (s *server) receive(t *testing.T, message []byte, from netip.AddrPort, overTCP bool) [][]byte {
	var parsed dnsmessage.Message
	if err := parsed.Unpack(message); err != nil || len(parsed.Questions) != 1 {
		t.Errorf("asked %x: %v", message, err)
		return nil
	}
	if !parsed.RecursionDesired {
		t.Error("a question does not ask for recursion")
	}
	asked := query{parsed.ID, parsed.Questions[0], from, overTCP, len(parsed.Additionals) > 0}
	if asked.extended && parsed.Additionals[0].Header.Class != 1232 {
		t.Errorf("offers %d bytes", parsed.Additionals[0].Header.Class)
	}
	s.mu.Lock()
	s.queries = append(s.queries, asked)
	s.mu.Unlock()
	return s.answer(asked)
}

// asked returns all queries so far.
func (s *server) asked() []query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

// A record is the data of one resource record.
type record struct {
	name  string
	ttl   uint32
	value string // an address, or the target of an alias
}

// message returns an answer to a query with the records of its type, and aliases.
func message(asked query, rcode dnsmessage.RCode, records ...record) dnsmessage.Message {
	made := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: asked.id, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: rcode,
		},
		Questions: []dnsmessage.Question{asked.question},
	}
	for _, record := range records {
		header := dnsmessage.ResourceHeader{
			Name: dnsmessage.MustNewName(record.name), Class: dnsmessage.ClassINET, TTL: record.ttl,
		}
		address, err := netip.ParseAddr(record.value)
		switch {
		case err != nil:
			header.Type = dnsmessage.TypeCNAME
			made.Answers = append(made.Answers, dnsmessage.Resource{
				Header: header, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(record.value)},
			})
		case address.Is4() && asked.question.Type == dnsmessage.TypeA:
			header.Type = dnsmessage.TypeA
			made.Answers = append(made.Answers, dnsmessage.Resource{
				Header: header, Body: &dnsmessage.AResource{A: address.As4()},
			})
		case address.Is6() && asked.question.Type == dnsmessage.TypeAAAA:
			header.Type = dnsmessage.TypeAAAA
			made.Answers = append(made.Answers, dnsmessage.Resource{
				Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()},
			})
		}
	}
	return made
}

// withSOA adds the record that lets an absence be remembered.
func withSOA(made dnsmessage.Message, ttl, minimum uint32) dnsmessage.Message {
	made.Authorities = append(made.Authorities, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{
			Name: dnsmessage.MustNewName("example."), Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET, TTL: ttl,
		},
		Body: &dnsmessage.SOAResource{
			NS: dnsmessage.MustNewName("ns.example."), MBox: dnsmessage.MustNewName("mail.example."), MinTTL: minimum,
		},
	})
	return made
}

// packed returns messages as they are sent.
func packed(messages ...dnsmessage.Message) (all [][]byte) {
	for _, message := range messages {
		bytes, err := message.Pack()
		if err != nil {
			panic(err)
		}
		all = append(all, bytes)
	}
	return all
}

// zone answers from a list of records, as a server does that looks up names for others.
func zone(records ...record) func(query) [][]byte {
	return func(asked query) [][]byte {
		var chain []record
		for name, hops := strings.ToLower(asked.name()), 0; hops < 32; hops++ {
			var next string
			for _, record := range records {
				if record.name == name {
					chain = append(chain, record)
					if _, err := netip.ParseAddr(record.value); err != nil {
						next = record.value
					}
				}
			}
			if next == "" {
				break
			}
			name = next
		}
		if len(chain) == 0 {
			return packed(withSOA(message(asked, dnsmessage.RCodeNameError), 60, 60))
		}
		made := message(asked, dnsmessage.RCodeSuccess, chain...)
		if len(made.Answers) == 0 {
			made = withSOA(made, 60, 60)
		}
		return packed(made)
	}
}

// newNetwork returns a tunnel with addresses of both families.
func newNetwork() *proxytest.Network { return proxytest.New(own4, own6) }

func newResolver(network *proxytest.Network, servers ...netip.Addr) *resolve.Resolver {
	return resolve.New(resolve.Config{Servers: servers, Network: network})
}

// expectAddresses looks up a name.
func expectAddresses(t *testing.T, r *resolve.Resolver, name string, family resolve.Family, want ...string) {
	t.Helper()
	got, err := r.Lookup(context.Background(), name, family)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var texts []string
	for _, address := range got {
		texts = append(texts, address.String())
	}
	if !slices.Equal(texts, want) {
		t.Errorf("%s has %v, want %v", name, texts, want)
	}
}

// expectFailure looks up a name that has no addresses. The error must have the code and contain the reason.
func expectFailure(t *testing.T, r *resolve.Resolver, name string, family resolve.Family, code, reason string) {
	t.Helper()
	addresses, err := r.Lookup(context.Background(), name, family)
	var failure *resolve.Error
	if !errors.As(err, &failure) || failure.Code != code || failure.Name != name || !strings.Contains(failure.Reason, reason) {
		t.Errorf("%q gives %v and %#v, want %s with %q", name, addresses, err, code, reason)
	}
}

package udp

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

// uplinks is a server with two links to a router, behind which is a client at 10.9.9.9 and fd09::9.
type uplinks struct {
	server, router, client *namespace
}

// newUplinks connects server, router and client, with no address and no route on the server's side yet.
func newUplinks(t *testing.T) uplinks {
	t.Helper()
	u := uplinks{newNamespace(t), newNamespace(t), newNamespace(t)}
	for _, interfaces := range []string{"all", "default"} {
		// Requests may come in by an interface other than the one by which answers leave.
		u.server.sysctl(t, "ipv4/conf/"+interfaces+"/rp_filter", "0")
		u.router.sysctl(t, "ipv4/conf/"+interfaces+"/rp_filter", "0")
	}
	connect(t, u.server, u.router, "one", "two")
	connect(t, u.client, u.router, "lan")
	u.router.sysctl(t, "ipv4/ip_forward", "1")
	u.router.sysctl(t, "ipv6/conf/all/forwarding", "1")
	u.server.ip(t, "addr add fe80::1/64 dev one nodad", "addr add fe80::2/64 dev two nodad")
	u.router.ip(t, "addr add fe80::9/64 dev one nodad", "addr add fe80::9/64 dev two nodad",
		"addr add fe80::9/64 dev lan nodad",
		"addr add 10.9.9.1/24 dev lan", "addr add fd09::1/64 dev lan nodad")
	u.client.ip(t, "addr add fe80::c/64 dev lan nodad",
		"addr add 10.9.9.9/24 dev lan", "addr add fd09::9/64 dev lan nodad",
		"route add default via 10.9.9.1", "route add default via fd09::1")
	return u
}

// In a topology, requests to an address come in by an interface other than the one by which the route to the client
// leaves.
type topology struct {
	server, router []string // lines for ip(8)
	sysctls        map[string]string
	// requested holds the addresses to which the client sends, answering those from which answers come. As with
	// kernel WireGuard, that is in IPv4 the one that the route chooses, and in IPv6 the same one.
	requested, answering [2]string
}

var topologies = map[string]topology{
	"address on lo, announced by the second uplink": {
		server: []string{
			"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
			"addr add 10.0.1.1/24 dev two", "addr add fd00:1::1/64 dev two nodad",
			"addr add 10.5.5.5/32 dev lo", "addr add fd05::5/128 dev lo nodad",
			"route add default via 10.0.0.9", "route add default via fd00::9",
		},
		router: []string{
			"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
			"addr add 10.0.1.9/24 dev two", "addr add fd00:1::9/64 dev two nodad",
			"route add 10.5.5.5/32 via 10.0.1.1", "route add fd05::5/128 via fd00:1::1",
		},
		requested: [2]string{"10.5.5.5", "fd05::5"}, answering: [2]string{"10.0.0.1", "fd05::5"},
	},
	"address on lo, announced by the second uplink, preferred by the route": {
		server: []string{
			"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
			"addr add 10.0.1.1/24 dev two", "addr add fd00:1::1/64 dev two nodad",
			"addr add 10.5.5.5/32 dev lo", "addr add fd05::5/128 dev lo nodad",
			"route add default via 10.0.0.9 src 10.5.5.5", "route add default via fd00::9 src fd05::5",
		},
		router: []string{
			"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
			"addr add 10.0.1.9/24 dev two", "addr add fd00:1::9/64 dev two nodad",
			"route add 10.5.5.5/32 via 10.0.1.1", "route add fd05::5/128 via fd00:1::1",
		},
		requested: [2]string{"10.5.5.5", "fd05::5"}, answering: [2]string{"10.5.5.5", "fd05::5"},
	},
	"two interfaces in one subnet": {
		sysctls: map[string]string{"ipv4/conf/all/arp_ignore": "1", "ipv4/conf/all/arp_announce": "2"},
		server: []string{
			"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
			"addr add 10.0.0.2/24 dev two", "addr add fd00::2/64 dev two nodad",
			"route add default via 10.0.0.9 dev one", "route add default via fd00::9 dev one",
		},
		router: []string{
			"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
			"route add 10.0.0.2/32 dev two", "route add fd00::2/128 dev two",
		},
		requested: [2]string{"10.0.0.2", "fd00::2"}, answering: [2]string{"10.0.0.1", "fd00::2"},
	},
	"virtual address on a macvlan without routes": {
		sysctls: map[string]string{"ipv4/conf/one/arp_ignore": "1"},
		server: []string{
			"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
			"link add vrrp link one type macvlan mode private", "link set vrrp up",
			"addr add 10.0.0.100/32 dev vrrp", "addr add fd00::100/128 dev vrrp nodad noprefixroute",
			"route add default via 10.0.0.9", "route add default via fd00::9",
		},
		router:    []string{"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad"},
		requested: [2]string{"10.0.0.100", "fd00::100"}, answering: [2]string{"10.0.0.1", "fd00::100"},
	},
	"interface without a route back": {
		server: []string{
			"addr add 10.0.0.1/24 dev one", "addr add fd00::1/64 dev one nodad",
			"addr add 10.0.1.1/24 dev two", "addr add fd00:1::1/64 dev two nodad",
			"route add default via 10.0.0.9", "route add default via fd00::9",
		},
		router: []string{
			"addr add 10.0.0.9/24 dev one", "addr add fd00::9/64 dev one nodad",
			"addr add 10.0.1.9/24 dev two", "addr add fd00:1::9/64 dev two nodad",
		},
		requested: [2]string{"10.0.1.1", "fd00:1::1"}, answering: [2]string{"10.0.0.1", "fd00:1::1"},
	},
}

// build makes a topology.
func (u uplinks) build(t *testing.T, topology topology) {
	t.Helper()
	for path, value := range topology.sysctls {
		u.server.sysctl(t, path, value)
	}
	u.server.ip(t, topology.server...)
	u.router.ip(t, topology.router...)
}

func TestAnswersLeaveByTheRouteWhicheverInterfaceRequestsComeInBy(t *testing.T) {
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUplinks(t)
			u.build(t, topology)
			s, client := openStation(t, u.server), openStation(t, u.client)
			for i, requested := range topology.requested {
				learnt := learnSource(t, s, client, requested)
				s.send(t, learnt, []byte("answer"))
				expectFrom(t, client, topology.answering[i])
				// An unrelated change keeps it.
				s.awaitRouteChange(t, func() { u.server.ip(t, "route add 10.77.0.0/16 dev one") })
				s.send(t, learnt, []byte("another answer"))
				expectFrom(t, client, topology.answering[i])
				u.server.ip(t, "route del 10.77.0.0/16 dev one")
				if learnSource(t, s, client, requested) != learnt {
					t.Error("another request made another endpoint: each datagram would cost memory, and a question")
				}
			}
		})
	}
}

func TestASessionThatTheServerBeginsContinuesWhicheverInterfaceAnswersComeInBy(t *testing.T) {
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUplinks(t)
			u.build(t, topology)
			s, client := openStation(t, u.server), openStation(t, u.client)
			for i, at := range []string{"10.9.9.9", "fd09::9"} {
				s.send(t, client.at(t, at), []byte("first"))
				client.next(t, 1)
				// The client may send to any address of the server.
				client.send(t, s.at(t, topology.requested[i]), []byte("second"))
				s.send(t, s.next(t, 1)[0].from, []byte("third"))
				client.next(t, 1)
			}
		})
	}
}

func TestARuleByTheSourcePortDecidesWhereAnswersLeave(t *testing.T) {
	u := newUplinks(t)
	u.build(t, topologies["interface without a route back"])
	s, client := openStation(t, u.server), openStation(t, u.client)
	rule := fmt.Sprintf("rule add ipproto udp sport %d table 100", s.port)
	u.server.ip(t, "addr add 10.0.1.2/24 dev two", "addr add fd00:1::2/64 dev two nodad",
		"route add default via 10.0.1.9 table 100", "route add default via fd00:1::9 table 100", rule)
	u.server.ip6(t, rule)
	// Neither is the address that the kernel would choose.
	for _, address := range []string{"10.0.1.2", "fd00:1::2"} {
		s.send(t, learnSource(t, s, client, address), []byte("answer"))
		expectFrom(t, client, address)
	}
}

func TestASocketBoundToAnInterfaceKeepsItsSourceThere(t *testing.T) {
	u := newUplinks(t)
	u.build(t, topologies["interface without a route back"])
	u.server.ip(t, "addr add 10.0.1.2/24 dev two", "addr add fd00:1::2/64 dev two nodad",
		"addr add fd05::5/128 dev lo nodad",
		"route add default via 10.0.1.9 metric 2000", "route add default via fd00:1::9 metric 2000")
	u.router.ip(t, "route add fd05::5/128 via fd00:1::1")
	s, client := openStation(t, u.server), openStation(t, u.client)
	opened := s.opened.Load()
	for _, socket := range []*socket{opened.ipv4, opened.ipv6} {
		err := pollable.Control(socket.raw, func(fd int) error {
			return unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "two")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// None is the address that the kernel would choose.
	for _, address := range []string{"10.0.1.2", "fd00:1::2", "fd05::5"} {
		s.send(t, learnSource(t, s, client, address), []byte("answer"))
		expectFrom(t, client, address)
	}
}

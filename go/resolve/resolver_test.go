package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"wg-bridge/go/resolve"
)

func TestAddressesOfBothFamiliesAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, zone(
			record{"www.example.", 60, "192.0.2.1"}, record{"www.example.", 60, "192.0.2.2"},
			record{"www.example.", 60, "2001:db8::1"}))
		r := newResolver(network, server1)
		expectAddresses(t, r, "www.example", resolve.Any, "2001:db8::1", "192.0.2.1", "192.0.2.2")
		expectAddresses(t, r, "WWW.Example.", resolve.IPv4, "192.0.2.1", "192.0.2.2")
		expectAddresses(t, r, "www.example", resolve.IPv6, "2001:db8::1")
		if asked := dns.asked(); len(asked) != 2 {
			t.Errorf("asked %d questions, want one for each family", len(asked))
		}
		if stats := r.Stats(); stats != (resolve.Stats{Lookups: 3, Hits: 2, Queries: 2}) {
			t.Errorf("counted %+v", stats)
		}
	})
}

func TestAddressesAreNotLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(newNetwork()) // without a server
		expectAddresses(t, r, "192.0.2.1", resolve.Any, "192.0.2.1")
		expectAddresses(t, r, "::ffff:192.0.2.1", resolve.IPv4, "192.0.2.1")
		expectAddresses(t, r, "2001:db8::1", resolve.IPv6, "2001:db8::1")
		expectFailure(t, r, "2001:db8::1", resolve.IPv4, resolve.NotFound, "not an IPv4 address")
		expectFailure(t, r, "192.0.2.1", resolve.IPv6, resolve.NotFound, "not an IPv6 address")
		expectFailure(t, r, "fe80::1%eth0", resolve.Any, resolve.NotFound, "zone")
	})
}

func TestWithoutAServerTheRemedyIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(newNetwork())
		expectFailure(t, r, "www.example", resolve.Any, resolve.NotFound, "add a line DNS = ADDRESS")
		expectReasons(t, r, resolve.Reasons{NoServer: 1})
	})
}

func TestNamesThatCannotExistAreNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, zone())
		r := newResolver(network, server1)
		long := strings.Repeat("a", 64)
		for name, reason := range map[string]string{
			"": "empty", ".": "empty", "a..example": "two dots", ".example": "two dots", long + ".example": "64 characters",
			strings.Repeat("abcdefg.", 32) + "example": "263 characters", "bücher.example": "xn--", "a b.example": "space",
			"a\x00.example": "control", "localhost": "this machine", "a.LocalHost.": "this machine",
		} {
			expectFailure(t, r, name, resolve.Any, resolve.NotFound, reason)
		}
		if asked := dns.asked(); len(asked) > 0 {
			t.Errorf("asked for %v", asked)
		}
	})
}

func TestAnAbsenceIsReportedAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, zone(record{"four.example.", 60, "192.0.2.1"}))
		r := newResolver(network, server1)
		for range 2 {
			expectFailure(t, r, "none.example", resolve.Any, resolve.NotFound, "does not exist")
			expectFailure(t, r, "four.example", resolve.IPv6, resolve.NotFound, "no IPv6 addresses")
			expectAddresses(t, r, "four.example", resolve.Any, "192.0.2.1")
		}
		if asked := dns.asked(); len(asked) != 4 {
			t.Errorf("asked %d questions, want 4", len(asked))
		}
		time.Sleep(30 * time.Second) // in the bubble: no absence is remembered longer
		expectFailure(t, r, "none.example", resolve.IPv4, resolve.NotFound, "does not exist")
		if asked := dns.asked(); len(asked) != 5 {
			t.Errorf("asked %d questions, want 5", len(asked))
		}
		expectReasons(t, r, resolve.Reasons{NotFound: 5})
	})
}

func TestAnAbsenceWithoutSOAIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, func(asked query) [][]byte {
			return packed(message(asked, dnsmessage.RCodeNameError))
		})
		r := newResolver(network, server1)
		for range 2 {
			expectFailure(t, r, "none.example", resolve.IPv4, resolve.NotFound, "does not exist")
		}
		if asked := dns.asked(); len(asked) != 2 {
			t.Errorf("asked %d questions, want 2", len(asked))
		}
	})
}

func TestAnswersExpire(t *testing.T) {
	for ttl, lifetime := range map[uint32]time.Duration{
		0: 0, 1: time.Second, 60: time.Minute, 86400: 5 * time.Minute, 1 << 31: 0,
	} {
		t.Run(fmt.Sprint(ttl), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				dns := serve(t, network, server1, zone(
					record{"www.example.", ttl, "real.example."}, record{"real.example.", 1 << 20, "192.0.2.1"}))
				r := newResolver(network, server1)
				expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
				if lifetime > 0 {
					time.Sleep(lifetime - 1)
					expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
					if asked := dns.asked(); len(asked) != 1 {
						t.Errorf("asked again after %v", lifetime-1)
					}
					time.Sleep(time.Nanosecond)
				}
				expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
				if asked := dns.asked(); len(asked) != 2 {
					t.Errorf("asked %d questions, want 2", len(asked))
				}
			})
		})
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, func(asked query) [][]byte {
			return packed(message(asked, dnsmessage.RCodeSuccess, record{asked.name(), 300, "192.0.2.1"}))
		})
		r := newResolver(network, server1)
		names := func(from, to int) {
			for i := from; i < to; i++ {
				expectAddresses(t, r, fmt.Sprintf("n%d.example", i), resolve.IPv4, "192.0.2.1")
			}
		}
		names(0, 2048)
		names(0, 1) // used again: not the oldest any more
		names(2048, 2049)
		before := len(dns.asked())
		names(0, 1)
		names(2, 2049)
		if after := len(dns.asked()); after != before {
			t.Errorf("%d names were forgotten that fit", after-before)
		}
		names(1, 2)
		if after := len(dns.asked()); after != before+1 {
			t.Error("more names are remembered than fit")
		}
	})
}

func TestATruncatedAnswerIsAskedForOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		var many []record
		var want []string
		for i := range 200 {
			address := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
			many, want = append(many, record{"many.example.", 60, address}), append(want, address)
		}
		dns := serve(t, network, server1, func(asked query) [][]byte {
			if asked.overTCP {
				return zone(many...)(asked)
			}
			made := message(asked, dnsmessage.RCodeSuccess, many[:3]...)
			made.Truncated = true
			return packed(made)
		})
		r := newResolver(network, server1)
		expectAddresses(t, r, "many.example", resolve.IPv4, want...)
		if asked := dns.asked(); len(asked) != 2 || asked[0].overTCP || !asked[1].overTCP || asked[0].id == asked[1].id {
			t.Errorf("asked %+v", asked)
		}
	})
}

func TestOverTCPFailuresLeadToTheNextServer(t *testing.T) {
	for name, answer := range map[string]func(query) [][]byte{
		"truncated again": func(asked query) [][]byte {
			made := message(asked, dnsmessage.RCodeSuccess)
			made.Truncated = true
			return packed(made)
		},
		"nothing": func(query) [][]byte { return nil },
		"garbage": func(query) [][]byte { return [][]byte{{1, 2, 3}} },
		"another ID": func(asked query) [][]byte {
			asked.id++
			return packed(message(asked, dnsmessage.RCodeSuccess, record{"www.example.", 60, "192.0.2.66"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				serve(t, network, server1, func(asked query) [][]byte {
					if asked.overTCP {
						return answer(asked)
					}
					made := message(asked, dnsmessage.RCodeSuccess)
					made.Truncated = true
					return packed(made)
				})
				serve(t, network, server2, zone(record{"www.example.", 60, "192.0.2.1"}))
				expectAddresses(t, newResolver(network, server1, server2), "www.example", resolve.IPv4, "192.0.2.1")
			})
		})
	}
}

// What is not the server's answer to the question must not be taken for it, nor keep the answer from being read.
func TestForeignMessagesAreIgnored(t *testing.T) {
	forged := record{"www.example.", 60, "192.0.2.66"}
	for name, forge := range map[string]func(asked query) []byte{
		"another ID": func(asked query) []byte {
			asked.id++
			return packed(message(asked, dnsmessage.RCodeSuccess, forged))[0]
		},
		"another question": func(asked query) []byte {
			asked.question.Name = dnsmessage.MustNewName("other.example.")
			return packed(message(asked, dnsmessage.RCodeSuccess, forged))[0]
		},
		"another type": func(asked query) []byte {
			made := message(asked, dnsmessage.RCodeSuccess, forged)
			made.Questions[0].Type = dnsmessage.TypeMX
			return packed(made)[0]
		},
		"another class": func(asked query) []byte {
			made := message(asked, dnsmessage.RCodeSuccess, forged)
			made.Questions[0].Class = dnsmessage.ClassCHAOS
			return packed(made)[0]
		},
		"no question": func(asked query) []byte {
			made := message(asked, dnsmessage.RCodeSuccess, forged)
			made.Questions = nil
			return packed(made)[0]
		},
		"two questions": func(asked query) []byte {
			made := message(asked, dnsmessage.RCodeSuccess, forged)
			made.Questions = append(made.Questions, made.Questions[0])
			return packed(made)[0]
		},
		"a question in place of an answer": func(asked query) []byte {
			made := message(asked, dnsmessage.RCodeSuccess, forged)
			made.Response = false
			return packed(made)[0]
		},
		"half a message": func(asked query) []byte {
			bytes := packed(message(asked, dnsmessage.RCodeSuccess, forged))[0]
			return bytes[:len(bytes)-2]
		},
		"garbage": func(query) []byte { return []byte("not DNS at all, whatever the port says") },
		"nothing": func(query) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				honest := zone(record{"www.example.", 60, "192.0.2.1"})
				serve(t, network, server1, func(asked query) [][]byte {
					return append([][]byte{forge(asked)}, honest(asked)...)
				})
				expectAddresses(t, newResolver(network, server1), "www.example", resolve.IPv4, "192.0.2.1")
			})
		})
	}
}

func TestAnswersFromElsewhereAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		honest := zone(record{"www.example.", 60, "192.0.2.1"})
		var dns *server
		dns = serve(t, network, server1, func(asked query) [][]byte {
			forged := packed(message(asked, dnsmessage.RCodeSuccess, record{"www.example.", 60, "192.0.2.66"}))[0]
			for _, from := range []string{"10.0.0.53:54", "10.0.0.54:53"} {
				if _, err := dns.socket.WriteAs(netip.MustParseAddrPort(from), forged, asked.from); err != nil {
					t.Error(err)
				}
			}
			return honest(asked)
		})
		expectAddresses(t, newResolver(network, server1), "www.example", resolve.IPv4, "192.0.2.1")
	})
}

func TestRecordsOfOtherNamesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		serve(t, network, server1, func(asked query) [][]byte {
			return packed(message(asked, dnsmessage.RCodeSuccess,
				record{"other.example.", 60, "192.0.2.66"}, record{"WWW.example.", 60, "192.0.2.1"},
				record{"www.example.", 60, "::ffff:192.0.2.66"}))
		})
		r := newResolver(network, server1)
		expectAddresses(t, r, "www.example", resolve.Any, "192.0.2.1")
	})
}

func TestIDsAndPortsAreNotPredictable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, func(asked query) [][]byte {
			return packed(message(asked, dnsmessage.RCodeSuccess, record{asked.name(), 0, "192.0.2.1"}))
		})
		r := newResolver(network, server1)
		const lookups = 64
		for range lookups {
			expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
		}
		ids, ports, inOrder := map[uint16]bool{}, map[uint16]bool{}, 0
		asked := dns.asked()
		for i, query := range asked {
			ids[query.id], ports[query.from.Port()] = true, true
			if query.from.Port() < 1<<15 {
				t.Errorf("asked from port %d", query.from.Port())
			}
			if i > 0 && (query.id == asked[i-1].id+1 || query.from.Port() == asked[i-1].from.Port()+1) {
				inOrder++
			}
		}
		// Of 64 random numbers a few may be equal, but never ten.
		if len(ids) < lookups-10 || len(ports) < lookups-10 || inOrder > 10 {
			t.Errorf("%d IDs and %d ports for %d questions, %d in order", len(ids), len(ports), lookups, inOrder)
		}
	})
}

func TestADeadServerLeadsToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		network.Add(server1)
		dns := serve(t, network, server2, zone(record{"www.example.", 60, "192.0.2.1"}))
		r := newResolver(network, server1, server2)
		begin := time.Now()
		expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v, want 2 s", took)
		}
		if asked := dns.asked(); len(asked) != 1 || !asked[0].from.Addr().Is6() {
			t.Errorf("asked %+v", asked)
		}
	})
}

func TestServersThatRefuseLeadToTheNext(t *testing.T) {
	for name, answer := range map[string]func(query) dnsmessage.Message{
		"SERVFAIL": func(asked query) dnsmessage.Message { return message(asked, dnsmessage.RCodeServerFailure) },
		"REFUSED":  func(asked query) dnsmessage.Message { return message(asked, dnsmessage.RCodeRefused) },
		"does not look up names of others": func(asked query) dnsmessage.Message {
			made := message(asked, dnsmessage.RCodeSuccess)
			made.RecursionAvailable = false
			return made
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				first := serve(t, network, server1, func(asked query) [][]byte { return packed(answer(asked)) })
				second := serve(t, network, server2, zone(record{"www.example.", 60, "192.0.2.1"}))
				expectAddresses(t, newResolver(network, server1, server2), "www.example", resolve.IPv4, "192.0.2.1")
				if len(first.asked()) != 1 || len(second.asked()) != 1 {
					t.Errorf("asked %v and %v", first.asked(), second.asked())
				}
				r := newResolver(network, server1)
				expectFailure(t, r, "www.example", resolve.Any, resolve.TryAgain, name)
				expectReasons(t, r, resolve.Reasons{ServerFailed: 1})
			})
		})
	}
}

func TestSilentServersAreAskedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		silent := serve(t, network, server1, func(query) [][]byte { return nil })
		r := newResolver(network, server1)
		begin := time.Now()
		expectFailure(t, r, "www.example", resolve.IPv4, resolve.TryAgain, "10.0.0.53 did not answer in time")
		if took := time.Since(begin); took != 4*time.Second || len(silent.asked()) != 2 {
			t.Errorf("asked %d times in %v, want 2 in 4 s", len(silent.asked()), took)
		}
		if stats := r.Stats(); stats.Failures != 1 {
			t.Errorf("counted %+v", stats)
		}
		expectReasons(t, r, resolve.Reasons{TimedOut: 1})
	})
}

func expectReasons(t *testing.T, r *resolve.Resolver, want resolve.Reasons) {
	t.Helper()
	if got := r.Stats().Reasons; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestAServerThatCannotBeReachedIsSaidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(newNetwork(), server1)
		begin := time.Now()
		_, err := r.Lookup(context.Background(), "www.example", resolve.Any)
		if !errors.Is(err, syscall.EHOSTUNREACH) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		expectReasons(t, r, resolve.Reasons{Unreachable: 1})
	})
}

func TestServersWithoutEDNSAreAskedWithoutIt(t *testing.T) {
	for name, refusal := range map[string]func(query) dnsmessage.Message{
		"FORMERR": func(asked query) dnsmessage.Message { return message(asked, dnsmessage.RCodeFormatError) },
		"FORMERR without the question": func(asked query) dnsmessage.Message {
			made := message(asked, dnsmessage.RCodeFormatError)
			made.Questions = nil
			return made
		},
		"NOTIMP": func(asked query) dnsmessage.Message { return message(asked, dnsmessage.RCodeNotImplemented) },
		"BADVERS": func(asked query) dnsmessage.Message {
			made := message(asked, dnsmessage.RCodeSuccess)
			var header dnsmessage.ResourceHeader
			if err := header.SetEDNS0(1232, 16, false); err != nil {
				t.Fatal(err)
			}
			made.Additionals = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.OPTResource{}}}
			return made
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				plain := zone(record{"www.example.", 60, "192.0.2.1"})
				dns := serve(t, network, server1, func(asked query) [][]byte {
					if asked.extended {
						return packed(refusal(asked))
					}
					return plain(asked)
				})
				expectAddresses(t, newResolver(network, server1), "www.example", resolve.IPv4, "192.0.2.1")
				if asked := dns.asked(); len(asked) != 2 {
					t.Errorf("asked %d times", len(asked))
				}
			})
		})
	}
}

// chain returns aliases that lead from n0.example to an address.
func chain(length int) (records []record) {
	for i := range length {
		records = append(records, record{fmt.Sprintf("n%d.example.", i), 60, fmt.Sprintf("n%d.example.", i+1)})
	}
	return append(records, record{fmt.Sprintf("n%d.example.", length), 60, "192.0.2.1"})
}

func TestAliasesAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, zone(append(chain(16), record{"dangling.example.", 60, "none.example."})...))
		r := newResolver(network, server1)
		expectAddresses(t, r, "n0.example", resolve.Any, "192.0.2.1")
		if asked := dns.asked(); len(asked) != 3 { // The server sends aliases without an SOA record: the end is asked for.
			t.Errorf("asked %d questions", len(asked))
		}
		expectFailure(t, r, "dangling.example", resolve.IPv4, resolve.NotFound, `alias of "none.example."`)
		r.Configure([]netip.Addr{server1}, nil)
		dns.answer = zone(chain(17)...)
		expectFailure(t, r, "n0.example", resolve.IPv4, resolve.NotFound, "loop")
	})
}

// Some servers send only the first alias.
func TestAliasesAreFollowedOverSeveralAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		records := chain(16)
		dns := serve(t, network, server1, func(asked query) [][]byte {
			for _, record := range records {
				if record.name == asked.name() {
					return packed(message(asked, dnsmessage.RCodeSuccess, record))
				}
			}
			return packed(message(asked, dnsmessage.RCodeNameError))
		})
		r := newResolver(network, server1)
		expectAddresses(t, r, "n0.example", resolve.IPv4, "192.0.2.1")
		if asked := dns.asked(); len(asked) != 17 {
			t.Errorf("asked %d questions, want 17", len(asked))
		}
		r.Configure([]netip.Addr{server1}, nil)
		records = chain(17)
		expectFailure(t, r, "n0.example", resolve.IPv4, resolve.NotFound, "loop")
	})
}

func TestLoopsOfAliasesEnd(t *testing.T) {
	loop := []record{{"a.example.", 60, "b.example."}, {"b.example.", 60, "a.example."}}
	for name, records := range map[string][]record{
		"itself": {{"a.example.", 60, "a.example."}}, "two": loop,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := newNetwork()
				isWhole := true
				serve(t, network, server1, func(asked query) [][]byte {
					if isWhole {
						return packed(message(asked, dnsmessage.RCodeSuccess, records...))
					}
					index := slices.IndexFunc(records, func(r record) bool { return r.name == asked.name() })
					return packed(message(asked, dnsmessage.RCodeSuccess, records[index]))
				})
				r := newResolver(network, server1)
				expectFailure(t, r, "a.example", resolve.IPv4, resolve.NotFound, "loop")
				isWhole = false
				expectFailure(t, r, "a.example", resolve.IPv4, resolve.NotFound, "loop")
			})
		})
	}
}

func TestSearchDomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, zone(
			record{"db.corp.example.", 0, "192.0.2.1"}, record{"www.example.", 0, "192.0.2.2"},
			record{"a.b.lab.example.", 0, "192.0.2.3"}, record{"bare.", 0, "192.0.2.4"}))
		r := newResolver(network, server1)
		r.Configure([]netip.Addr{server1}, []string{"corp.example", "Lab.Example."})
		for name, want := range map[string][]string{
			"db":          {"db.corp.example."},
			"bare":        {"bare.corp.example.", "bare.lab.example.", "bare."},
			"bare.":       {"bare."},
			"www.example": {"www.example."},
			"a.b":         {"a.b.", "a.b.corp.example.", "a.b.lab.example."},
		} {
			before := len(dns.asked())
			if _, err := r.Lookup(context.Background(), name, resolve.IPv4); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var got []string
			for _, asked := range dns.asked()[before:] {
				got = append(got, asked.name())
			}
			if !slices.Equal(got, want) {
				t.Errorf("for %s asked %v, want %v", name, got, want)
			}
		}
	})
}

// What a name means must not depend on whether a server happens to answer.
func TestASilentServerDoesNotLeadToTheNextSearchDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		answer := zone(record{"db.lab.example.", 60, "192.0.2.66"})
		serve(t, network, server1, func(asked query) [][]byte {
			if asked.name() == "db.corp.example." {
				return nil
			}
			return answer(asked)
		})
		r := newResolver(network, server1)
		r.Configure([]netip.Addr{server1}, []string{"corp.example", "lab.example"})
		expectFailure(t, r, "db", resolve.IPv4, resolve.TryAgain, "did not answer")
	})
}

func TestEqualLookupsShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		release := make(chan struct{})
		answer := zone(record{"www.example.", 0, "192.0.2.1"})
		dns := serve(t, network, server1, func(asked query) [][]byte {
			<-release
			return answer(asked)
		})
		r := newResolver(network, server1)
		var lookups sync.WaitGroup
		for range 100 {
			lookups.Go(func() { expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1") })
		}
		synctest.Wait()
		close(release)
		lookups.Wait()
		if asked := dns.asked(); len(asked) != 1 {
			t.Errorf("asked %d times", len(asked))
		}
	})
}

func TestTheLastToLeaveEndsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		dns := serve(t, network, server1, func(query) [][]byte { return nil })
		r := newResolver(network, server1)
		first, leaveFirst := context.WithCancel(context.Background())
		second, leaveSecond := context.WithTimeout(context.Background(), time.Second)
		defer leaveSecond()
		var lookups sync.WaitGroup
		lookups.Go(func() {
			if _, err := r.Lookup(first, "www.example", resolve.IPv4); !errors.Is(err, context.Canceled) {
				t.Errorf("the first got %v", err)
			}
		})
		lookups.Go(func() {
			_, err := r.Lookup(second, "www.example", resolve.IPv4)
			var failure *resolve.Error
			if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &failure) || !failure.Timeout() {
				t.Errorf("the second got %v", err)
			}
		})
		synctest.Wait()
		leaveFirst()
		synctest.Wait()
		if len(network.Bound()) != 1 {
			t.Errorf("bound %v", network.Bound())
		}
		lookups.Wait()
		synctest.Wait()
		expectReasons(t, r, resolve.Reasons{TimedOut: 1}) // and not the one that was given up
		// The socket is closed again: its port is free.
		again, err := network.BindUDP(network.Bound()[0])
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
		if asked := dns.asked(); len(asked) != 1 {
			t.Errorf("asked %d times", len(asked))
		}
	})
}

func TestAFamilyThatIsNeverAnsweredDoesNotHoldUpTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		answer := zone(record{"www.example.", 60, "192.0.2.1"})
		serve(t, network, server1, func(asked query) [][]byte {
			if asked.question.Type == dnsmessage.TypeAAAA {
				return nil
			}
			return answer(asked)
		})
		begin := time.Now()
		expectAddresses(t, newResolver(network, server1), "www.example", resolve.Any, "192.0.2.1")
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestNewServersAreAskedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newNetwork()
		serve(t, network, server1, zone(record{"www.example.", 60, "192.0.2.1"}))
		release := make(chan struct{})
		answer := zone(record{"www.example.", 60, "192.0.2.2"}, record{"slow.example.", 60, "192.0.2.3"})
		serve(t, network, server2, func(asked query) [][]byte {
			if asked.name() == "slow.example." {
				<-release
			}
			return answer(asked)
		})
		r := newResolver(network, server1)
		expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.1")
		r.Configure([]netip.Addr{server2}, nil)
		expectAddresses(t, r, "www.example", resolve.IPv4, "192.0.2.2")

		// An answer that arrives after the change is its waiter's alone.
		var lookup sync.WaitGroup
		lookup.Go(func() { expectAddresses(t, r, "slow.example", resolve.IPv4, "192.0.2.3") })
		synctest.Wait()
		r.Configure([]netip.Addr{server1}, nil)
		close(release)
		lookup.Wait()
		expectFailure(t, r, "slow.example", resolve.IPv4, resolve.NotFound, "does not exist")
	})
}

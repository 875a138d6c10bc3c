package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// udpSize is the payload that we accept, by EDNS: what fits every path that carries IPv6, by DNS Flag Day 2020.
const udpSize = 1232

// maxHops is how many CNAME records may lead from a name to its addresses.
const maxHops = 16

// A reply is what one answer of a server says about a question.
type reply struct {
	rcode     dnsmessage.RCode
	truncated bool
	lame      bool // The server neither knows the name nor asks others for it.
	addresses []netip.Addr
	ttl       uint32 // the smallest of the records that lead to the addresses, in seconds
	last      string // where the chain of CNAME records ends: the name asked for, if there are none
	hops      int
	negative  uint32 // how long the absence of addresses may be remembered, in seconds; 0 if the server does not say
	hasSOA    bool
}

var (
	errNotOurs = errors.New("the message does not answer the question")
	errLoop    = errors.New("its CNAME records form a loop, or a chain of more than 16")
)

// question returns the question for a canonical name's addresses of a type.
func question(name string, kind dnsmessage.Type) (dnsmessage.Question, error) {
	packed, err := dnsmessage.NewName(name)
	if err != nil {
		return dnsmessage.Question{}, fmt.Errorf("packing the name: %w", err)
	}
	return dnsmessage.Question{Name: packed, Type: kind, Class: dnsmessage.ClassINET}, nil
}

// pack returns the message that asks asked. With extended it offers EDNS, which some old servers answer with an error.
func pack(id uint16, asked dnsmessage.Question, extended bool) ([]byte, error) {
	// Two bytes more than the message: over TCP its length comes first.
	builder := dnsmessage.NewBuilder(make([]byte, 2, 512), dnsmessage.Header{ID: id, RecursionDesired: true})
	builder.EnableCompression()
	steps := []func() error{
		builder.StartQuestions,
		func() error { return builder.Question(asked) },
	}
	if extended {
		var header dnsmessage.ResourceHeader
		if err := header.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, fmt.Errorf("offering EDNS: %w", err)
		}
		steps = append(steps, builder.StartAdditionals, func() error {
			return builder.OPTResource(header, dnsmessage.OPTResource{})
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("packing the question: %w", err)
		}
	}
	message, err := builder.Finish()
	if err != nil {
		return nil, fmt.Errorf("packing the question: %w", err)
	}
	length := len(message) - 2
	message[0], message[1] = byte(length>>8), byte(length)
	return message, nil
}

// unpack reads a server's answer. The error is errNotOurs if the message does not answer the question, and something
// else if it does and cannot be read.
func unpack(message []byte, id uint16, asked dnsmessage.Question) (reply, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(message)
	if err != nil || !header.Response || header.ID != id || header.OpCode != 0 {
		return reply{}, errNotOurs
	}
	questions, err := parser.AllQuestions()
	if err != nil {
		return reply{}, errNotOurs
	}
	// A server that does not understand EDNS may leave the question out of its error.
	if len(questions) == 0 && (header.RCode == dnsmessage.RCodeFormatError || header.RCode == dnsmessage.RCodeNotImplemented) {
		return reply{rcode: header.RCode}, nil
	}
	if len(questions) != 1 || questions[0].Type != asked.Type || questions[0].Class != asked.Class ||
		!strings.EqualFold(questions[0].Name.String(), asked.Name.String()) {
		return reply{}, errNotOurs
	}
	answer := reply{rcode: header.RCode, truncated: header.Truncated}
	if answer.truncated {
		return answer, nil // What there is may be incomplete.
	}
	found := records{aliases: map[string]alias{}, addresses: map[string]set{}}
	if err := found.read(&parser, asked.Type); err != nil {
		return reply{}, err
	}
	if err := answer.readAuthorities(&parser); err != nil {
		return reply{}, err
	}
	if err := answer.readExtension(&parser, header.RCode); err != nil {
		return reply{}, err
	}
	if err := answer.follow(found, canonical(asked.Name.String())); err != nil {
		return reply{}, err
	}
	answer.lame = answer.rcode == dnsmessage.RCodeSuccess && !header.Authoritative && !header.RecursionAvailable &&
		len(answer.addresses) == 0 && answer.hops == 0 && !answer.hasSOA
	return answer, nil
}

// An alias is a CNAME record.
type alias struct {
	target string
	ttl    uint32
}

// A set is all addresses of a name.
type set struct {
	addresses []netip.Addr
	ttl       uint32 // the smallest
}

// records holds the records of an answer section, by canonical name.
type records struct {
	aliases   map[string]alias
	addresses map[string]set
}

func (r records) read(parser *dnsmessage.Parser, kind dnsmessage.Type) error {
	for {
		header, err := parser.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the answers: %w", err)
		}
		owner := canonical(header.Name.String())
		ttl := timeToLive(header.TTL)
		switch {
		case header.Class != dnsmessage.ClassINET || header.Type != kind && header.Type != dnsmessage.TypeCNAME:
			err = parser.SkipAnswer()
		case header.Type == dnsmessage.TypeCNAME:
			var resource dnsmessage.CNAMEResource
			resource, err = parser.CNAMEResource()
			r.aliases[owner] = alias{target: canonical(resource.CNAME.String()), ttl: ttl}
		case kind == dnsmessage.TypeA:
			var resource dnsmessage.AResource
			resource, err = parser.AResource()
			r.add(owner, netip.AddrFrom4(resource.A), ttl)
		default:
			var resource dnsmessage.AAAAResource
			resource, err = parser.AAAAResource()
			// Nobody can be reached at an IPv4 address in the form of an IPv6 address.
			if address := netip.AddrFrom16(resource.AAAA); !address.Is4In6() {
				r.add(owner, address, ttl)
			}
		}
		if err != nil {
			return fmt.Errorf("reading the answers: %w", err)
		}
	}
}

func (r records) add(owner string, address netip.Addr, ttl uint32) {
	known, exists := r.addresses[owner]
	if !exists || ttl < known.ttl {
		known.ttl = ttl
	}
	known.addresses = append(known.addresses, address)
	r.addresses[owner] = known
}

// timeToLive reads a TTL as RFC 2181 says: one with the highest bit set is 0.
func timeToLive(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

// readAuthorities looks for the SOA record that says how long an absence lasts (RFC 2308).
func (a *reply) readAuthorities(parser *dnsmessage.Parser) error {
	for {
		header, err := parser.AuthorityHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err == nil {
			if header.Type == dnsmessage.TypeSOA && header.Class == dnsmessage.ClassINET && !a.hasSOA {
				var resource dnsmessage.SOAResource
				resource, err = parser.SOAResource()
				a.negative, a.hasSOA = min(timeToLive(header.TTL), timeToLive(resource.MinTTL)), true
			} else {
				err = parser.SkipAuthority()
			}
		}
		if err != nil {
			return fmt.Errorf("reading the authorities: %w", err)
		}
	}
}

// readExtension looks for the OPT record, which holds the upper bits of the result.
func (a *reply) readExtension(parser *dnsmessage.Parser, rcode dnsmessage.RCode) error {
	for {
		header, err := parser.AdditionalHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err == nil {
			if header.Type == dnsmessage.TypeOPT {
				a.rcode = header.ExtendedRCode(rcode)
			}
			err = parser.SkipAdditional()
		}
		if err != nil {
			return fmt.Errorf("reading the additional records: %w", err)
		}
	}
}

// follow goes from name along the CNAME records to the addresses.
func (a *reply) follow(found records, name string) error {
	a.ttl = 1<<31 - 1
	for a.last = name; ; a.hops++ {
		if set, exists := found.addresses[a.last]; exists {
			a.addresses, a.ttl = set.addresses, min(a.ttl, set.ttl)
			return nil
		}
		next, exists := found.aliases[a.last]
		if !exists {
			return nil
		}
		if a.hops == maxHops {
			return errLoop
		}
		a.last, a.ttl = next.target, min(a.ttl, next.ttl)
	}
}

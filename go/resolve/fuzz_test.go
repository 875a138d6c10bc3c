package resolve

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func FuzzAnswers(f *testing.F) {
	asked, err := question("www.example.", dnsmessage.TypeA)
	if err != nil {
		f.Fatal(err)
	}
	const id = 0x1234
	name, other := dnsmessage.MustNewName("www.example."), dnsmessage.MustNewName("other.example.")
	header := func(name dnsmessage.Name, kind dnsmessage.Type) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET, TTL: 60}
	}
	whole := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{asked},
		Answers: []dnsmessage.Resource{
			{Header: header(name, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: other}},
			{Header: header(other, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: name}},
			{Header: header(other, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
		},
		Authorities: []dnsmessage.Resource{
			{Header: header(other, dnsmessage.TypeSOA), Body: &dnsmessage.SOAResource{NS: name, MBox: other, MinTTL: 5}},
		},
	}
	message, err := whole.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	f.Add(message[:len(message)-3])
	f.Add([]byte{0x12, 0x34, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := bytes.Clone(data)
		answer, err := unpack(data, id, asked)
		if !bytes.Equal(data, kept) {
			t.Error("reading it has changed it")
		}
		if err != nil {
			return
		}
		if len(data) < 12 || data[0] != id>>8 || data[1] != id&0xff || data[2]&0x80 == 0 {
			t.Errorf("accepts %x as the answer", data[:min(len(data), 12)])
		}
		if answer.hops > maxHops || len(answer.addresses) > 0 && answer.truncated {
			t.Errorf("makes %+v of it", answer)
		}
		for _, address := range answer.addresses {
			if !address.Is4() {
				t.Errorf("an A record has the address %v", address)
			}
		}
		// The reading of its own repetition is the same.
		again, err := unpack(data, id, asked)
		if err != nil || again.last != answer.last || len(again.addresses) != len(answer.addresses) {
			t.Errorf("reads %+v and then %+v, %v", answer, again, err)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"www.example", "a..b", "localhost.", "\xff", "_dmarc.example.", "x\\046y"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkName(name) != nil {
			return
		}
		for _, candidate := range candidates(name, []string{"corp.example"}) {
			asked, err := question(candidate, dnsmessage.TypeAAAA)
			if err != nil {
				t.Fatalf("%q becomes %q: %v", name, candidate, err)
			}
			message, err := pack(7, asked, true)
			if err != nil {
				t.Fatalf("%q cannot be asked for: %v", candidate, err)
			}
			var parsed dnsmessage.Parser
			if _, err := parsed.Start(message[2:]); err != nil {
				t.Fatal(err)
			}
			questions, err := parsed.AllQuestions()
			if err != nil || len(questions) != 1 || questions[0] != asked {
				t.Errorf("%q is asked for as %v, %v", candidate, questions, err)
			}
			// Nobody but its server may answer.
			if _, err := unpack(message[2:], 7, asked); !errors.Is(err, errNotOurs) {
				t.Errorf("the question is taken for the answer: %v", err)
			}
		}
	})
}

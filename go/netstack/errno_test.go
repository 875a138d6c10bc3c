package netstack

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
)

func TestEveryErrorHasItsNumber(t *testing.T) {
	for want, errs := range map[syscall.Errno][]tcpip.Error{
		0:                     {nil},
		syscall.ECONNREFUSED:  {&tcpip.ErrConnectionRefused{}},
		syscall.ETIMEDOUT:     {&tcpip.ErrTimeout{}},
		syscall.EHOSTUNREACH:  {&tcpip.ErrNetworkUnreachable{}, &tcpip.ErrHostUnreachable{}},
		syscall.EADDRNOTAVAIL: {&tcpip.ErrBadLocalAddress{}, &tcpip.ErrNoPortAvailable{}},
		syscall.ECONNRESET:    {&tcpip.ErrConnectionReset{}},
		syscall.ECONNABORTED:  {&tcpip.ErrAborted{}, &tcpip.ErrConnectionAborted{}},
		syscall.EADDRINUSE:    {&tcpip.ErrPortInUse{}},
		syscall.EMSGSIZE:      {&tcpip.ErrMessageTooLong{}},
		syscall.ENOBUFS:       {&tcpip.ErrNoBufferSpace{}},
		syscall.EPIPE:         {&tcpip.ErrClosedForSend{}},
		syscall.EINVAL:        {&tcpip.ErrInvalidEndpointState{}},
	} {
		for _, err := range errs {
			if got := Errno(err); got != want {
				t.Errorf("%v: %v, want %v", err, got, want)
			}
		}
	}
}

// invalid names the errors of the stack that only a mistake of ours brings about, so that EINVAL says enough.
var invalid = []string{
	"ErrAlreadyBound", "ErrDuplicateNICID", "ErrInvalidEndpointState", "ErrInvalidNICID", "ErrInvalidOptionValue",
	"ErrInvalidPortRange", "ErrMalformedHeader", "ErrMissingRequiredFields", "ErrMulticastInputCannotBeOutput",
	"ErrNoSuchFile", "ErrQueueSizeNotSupported", "ErrUnknownDevice", "ErrUnknownNICID", "ErrEndpointBusy",
}

func TestNoErrorOfTheStackIsForgotten(t *testing.T) {
	output, err := exec.Command("go", "list", "-f", "{{.Dir}}", "gvisor.dev/gvisor/pkg/tcpip").Output()
	if err != nil {
		t.Skipf("the stack's source cannot be found: %v", err)
	}
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(output)), "errors.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	table, err := parser.ParseFile(token.NewFileSet(), "errno.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	ast.Inspect(table, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			named[selector.Sel.Name] = true
		}
		return true
	})
	for _, name := range invalid {
		named[name] = true
	}
	seen := 0
	ast.Inspect(source, func(node ast.Node) bool {
		if spec, ok := node.(*ast.TypeSpec); ok && strings.HasPrefix(spec.Name.Name, "Err") && spec.Name.Name != "Error" {
			if seen++; !named[spec.Name.Name] {
				t.Errorf("%s has no number", spec.Name.Name)
			}
		}
		return true
	})
	if seen < 20 {
		t.Errorf("found %d errors in the stack's source", seen)
	}
}

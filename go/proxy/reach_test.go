package proxy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// confined are the directories whose code must not be able to reach the host's network. Package host is left out: its
// one purpose is to listen and connect where the operator says. proxytest is only for tests.
var confined = []string{"../resolve", "."}

var unconfined = []string{"host", "proxytest"}

// harmless are the packages that cannot open a socket or start a program, or of which forbids says what can.
var harmless = []string{
	"bufio", "bytes", "container/list", "context", "crypto/hmac", "crypto/rand", "crypto/sha256", "crypto/subtle",
	"encoding/base64", "encoding/binary", "errors", "fmt", "io", "log", "net", "net/http", "net/http/httputil", "net/netip",
	"os", "slices", "strconv", "strings", "sync", "sync/atomic", "syscall", "time",
	"golang.org/x/net/dns/dnsmessage", "golang.org/x/sys/unix",
	"wg-bridge/go/accepting", "wg-bridge/go/backoff", "wg-bridge/go/netstack", "wg-bridge/go/proxy", "wg-bridge/go/proxy/forward", "wg-bridge/go/resolve",
}

// only says what may be used of packages that could reach the host.
var only = map[string][]string{
	"net": {
		"Addr", "Conn", "ErrClosed", "JoinHostPort", "Listener", "OpError", "SplitHostPort",
	},
	"net/http": {
		"ConnState", "ErrServerClosed", "Handler", "MethodConnect", "NewResponseController", "Request", "ResponseWriter",
		"Server", "StateClosed", "StateHijacked", "StateNew", "StatusBadGateway", "StatusBadRequest", "StatusForbidden",
		"StatusGatewayTimeout",
		"StatusProxyAuthRequired", "StatusServiceUnavailable", "Transport",
	},
	"net/http/httputil":       {"ProxyRequest", "ReverseProxy"},
	"os":                      {"ErrDeadlineExceeded"},
	"golang.org/x/sys/unix":   {"EAGAIN", "EINTR", "EINVAL", "ENOENT", "Read"},
	"wg-bridge/go/proxy/host": {"Address", "Lookup", "ParseAddress", "Sockets"},
	"syscall": {
		"Conn", "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN",
		"EHOSTUNREACH", "EMFILE", "EMSGSIZE", "ENETUNREACH", "ENFILE", "ENOBUFS", "ENOMEM", "EPIPE", "ETIMEDOUT", "Errno", "RawConn",
	},
}

// reach returns what in a file could reach the host's network.
func reach(name string, source any) (findings []string, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	report := func(node ast.Node, format string, arguments ...any) {
		findings = append(findings, fmt.Sprintf("%v: ", files.Position(node.Pos()))+fmt.Sprintf(format, arguments...))
	}
	packages := map[string]string{} // by the name in this file
	for _, imported := range file.Imports {
		path, err := strconv.Unquote(imported.Path.Value)
		if err != nil {
			return nil, err
		}
		local := path[strings.LastIndexByte(path, '/')+1:]
		if imported.Name != nil {
			local = imported.Name.Name
		}
		// Only package service opens what the operator names on this machine.
		isOffer := strings.HasPrefix(name, "service/") && strings.HasPrefix(path, "wg-bridge/go/proxy/")
		if local == "." || !isOffer && !slices.Contains(harmless, path) {
			report(imported, "imports %s as %s", path, local)
		}
		packages[local] = path
	}
	// A transport without these would connect by itself, or by a proxy of the environment.
	guarded := map[ast.Node]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		literal, isLiteral := node.(*ast.CompositeLit)
		if !isLiteral {
			return true
		}
		kind, isSelector := literal.Type.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		fields := map[string]ast.Expr{}
		for _, element := range literal.Elts {
			if pair, isPair := element.(*ast.KeyValueExpr); isPair {
				if key, isIdent := pair.Key.(*ast.Ident); isIdent {
					fields[key.Name] = pair.Value
				}
			}
		}
		isNil := func(value ast.Expr) bool {
			ident, isIdent := value.(*ast.Ident)
			return value == nil || isIdent && ident.Name == "nil"
		}
		switch kind.Sel.Name {
		case "Transport":
			guarded[kind] = !isNil(fields["DialContext"]) && isNil(fields["Proxy"]) && fields["Dial"] == nil &&
				fields["DialTLSContext"] == nil && fields["DialTLS"] == nil
		case "ReverseProxy":
			guarded[kind] = !isNil(fields["Transport"])
		}
		return true
	})
	ast.Inspect(file, func(node ast.Node) bool {
		if pointer, isPointer := node.(*ast.StarExpr); isPointer {
			guarded[pointer.X] = true // a pointer's type, not a transport
		}
		return true
	})
	ast.Inspect(file, func(node ast.Node) bool {
		selector, isSelector := node.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		ident, isIdent := selector.X.(*ast.Ident)
		if !isIdent {
			return true
		}
		path := packages[ident.Name]
		if allowed, isLimited := only[path]; isLimited && !slices.Contains(allowed, selector.Sel.Name) {
			report(selector, "uses %s.%s", path, selector.Sel.Name)
		}
		if (path == "net/http" && selector.Sel.Name == "Transport" ||
			path == "net/http/httputil" && selector.Sel.Name == "ReverseProxy") && !guarded[selector] {
			report(selector, "makes a %s that may connect by itself", selector.Sel.Name)
		}
		return true
	})
	return findings, nil
}

func TestNothingReachesTheHost(t *testing.T) {
	files := 0
	for _, directory := range confined {
		err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains(unconfined, path):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			files++
			findings, err := reach(path, nil)
			for _, finding := range findings {
				t.Error(finding)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files < 20 {
		t.Errorf("read only %d files", files)
	}
}

func TestWhatReachesTheHostIsFound(t *testing.T) {
	for code, want := range map[string]string{
		`import "net"; var _, _ = net.Dial("tcp", "a:1")`:                             "uses net.Dial",
		`import n "net"; var _, _ = n.LookupHost("a")`:                                "uses net.LookupHost",
		`import "net"; var _ = net.DefaultResolver`:                                   "uses net.DefaultResolver",
		`import "net"; var _ net.Dialer`:                                              "uses net.Dialer",
		`import "net"; var dial = net.DialTimeout`:                                    "uses net.DialTimeout",
		`import . "net"; var _, _ = Dial("tcp", "a:1")`:                               "imports net as .",
		`import "os/exec"; var _ = exec.Command("curl")`:                              "imports os/exec",
		`import "crypto/tls"`:                                                         "imports crypto/tls",
		`import "wg-bridge/go/proxy/host"`:                                            "imports wg-bridge/go/proxy/host",
		`import "golang.org/x/sys/unix"; var _, _ = unix.Socket(2, 1, 0)`:             "uses golang.org/x/sys/unix.Socket",
		`import "syscall"; var _, _ = syscall.Socket(2, 1, 0)`:                        "uses syscall.Socket",
		`import "net/http"; var _, _ = http.Get("http://a")`:                          "uses net/http.Get",
		`import "net/http"; var _ = http.DefaultTransport`:                            "uses net/http.DefaultTransport",
		`import "net/http"; var _ http.Client`:                                        "uses net/http.Client",
		`import "net/http"; var _ = &http.Transport{}`:                                "may connect by itself",
		`import "net/http"; var _ = new(http.Transport)`:                              "may connect by itself",
		`import "net/http"; var _ http.Transport`:                                     "may connect by itself",
		`import "net/http"; var _ = http.Transport{DialContext: nil}`:                 "may connect by itself",
		`import "net/http"; var _ = http.Transport{DialContext: f, Proxy: g}`:         "may connect by itself",
		`import "net/http"; var _ = http.Transport{DialContext: f, DialTLS: g}`:       "may connect by itself",
		`import "net/http/httputil"; var _ = httputil.ReverseProxy{Rewrite: f}`:       "may connect by itself",
		`import "net/http/httputil"; var _ = httputil.NewSingleHostReverseProxy(nil)`: "uses net/http/httputil.NewSingle",
	} {
		findings, err := reach("bad.go", "package bad; "+code)
		if err != nil || len(findings) != 1 || !strings.Contains(findings[0], want) {
			t.Errorf("%s: found %q, %v, want %q", code, findings, err, want)
		}
	}
	good := `package good; import "net/http"; var t *http.Transport = &http.Transport{DialContext: f, Proxy: nil}`
	if findings, err := reach("good.go", good); err != nil || len(findings) > 0 {
		t.Errorf("found %q, %v in good code", findings, err)
	}
}

package http

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"syscall"

	"wg-bridge/go/proxy"
)

// ServeHTTP serves one request.
func (s *server) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	c := clientOf(request)
	defer func() {
		reason := recover()
		if c.isHijacked() {
			s.forget(c.conn)
		}
		if reason != nil {
			// A response that ends early must not look complete to a client that only sees the end of the connection.
			_ = proxy.Abort(c.conn)
			panic(reason)
		}
	}()
	switch {
	case s.Users.Required() && !s.admits(request):
		s.Stats.Deny()
		s.Logf("http: %s: without the right user name and password", request.RemoteAddr)
		response.Header().Set("Proxy-Authenticate", fmt.Sprintf("Basic realm=%q, charset=\"UTF-8\"", realm))
		refuse(response, http.StatusProxyAuthRequired, "This proxy needs a user name and a password.")
	case request.Method == http.MethodConnect:
		s.tunnel(response, request)
	case request.URL.Scheme == "http" && request.URL.Host != "":
		s.forward(response, request)
	case request.URL.Host != "":
		refuse(response, http.StatusBadRequest,
			fmt.Sprintf("This proxy takes URLs that begin with http://, and CONNECT for all others, not %s://.", request.URL.Scheme))
	default:
		refuse(response, http.StatusBadRequest,
			"This is a proxy, not a web server: it takes requests for a whole URL, and CONNECT.")
	}
}

// admits reports whether a request comes from one of the users.
func (s *server) admits(request *http.Request) bool {
	scheme, encoded, _ := strings.Cut(request.Header.Get("Proxy-Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return false
	}
	user, password, found := strings.Cut(string(decoded), ":")
	return found && s.Users.Admit(user, password)
}

// refuse answers with an error.
func refuse(response http.ResponseWriter, status int, text string) {
	header := response.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff") // The text may quote a URL.
	response.WriteHeader(status)
	_, _ = io.WriteString(response, text+"\n") // If it fails, nobody is there to read it.
}

// fail answers a request whose target was not reached, or has answered nothing that can be passed on.
func (s *server) fail(response http.ResponseWriter, request *http.Request, err error) {
	status, text := http.StatusBadGateway, err.Error()
	var unreached *connectError
	reason := proxy.ReasonOf(err)
	switch isReached := !errors.As(err, &unreached); {
	case reason == proxy.Abandoned:
		s.Logf("http: %s: hung up before %s had answered", request.RemoteAddr, request.Host)
		return
	case isReached && (isEnd(err) || reason == proxy.Closed): // The transport closes its end as well.
		text = "The server has closed the connection without an answer."
	case isReached:
	case reason == proxy.TimedOut:
		status = http.StatusGatewayTimeout
	case reason == proxy.Closed:
		status = http.StatusServiceUnavailable
	case reason == proxy.NotAllowed:
		status = http.StatusForbidden
	}
	s.Stats.Fail()
	s.Logf("http: %s: answered with %d: %v", request.RemoteAddr, status, err)
	refuse(response, status, text)
}

// isEnd reports whether an error is the end of a connection.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// tunnel serves CONNECT.
func (s *server) tunnel(response http.ResponseWriter, request *http.Request) {
	target, err := proxy.ParseTarget(request.Host)
	if err != nil {
		refuse(response, http.StatusBadRequest, err.Error())
		return
	}
	stream, err := s.connector.Connect(request.Context(), target)
	if err != nil {
		s.fail(response, request, &connectError{err})
		return
	}
	conn, buffered, err := http.NewResponseController(response).Hijack()
	if err != nil {
		_ = proxy.Abort(stream)
		s.Logf("http: %s: %v", request.RemoteAddr, err)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = proxy.Abort(stream)
		_ = conn.Close()
		return
	}
	// A client may send the stream's first bytes with the request.
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	s.Logf("http: %s: connected to %v", request.RemoteAddr, target)
	// The request's context ends with the handler, and if the client ends its side, which only ends that side here.
	proxy.Relay(clientOf(request).proxy, proxy.Begun(conn, slices.Clone(early)), stream, s.Stats)
}

// forward passes on a request for an absolute URL.
func (s *server) forward(response http.ResponseWriter, request *http.Request) {
	// Otherwise the standard library would guess the type of a body that has none.
	response.Header()["Content-Type"] = nil
	passOn := httputil.ReverseProxy{
		Transport: s.transportOf(clientOf(request)),
		Rewrite: func(passed *httputil.ProxyRequest) {
			// What ReverseProxy changes to protect a server in its care is not ours to change.
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, exists := passed.In.Header[name]; exists {
					passed.Out.Header[name] = values
				}
			}
			passed.Out.URL.RawQuery = passed.In.URL.RawQuery
			for name := range passed.Out.Header {
				if strings.HasPrefix(name, "Proxy-") {
					delete(passed.Out.Header, name)
				}
			}
		},
		FlushInterval: -1, // What a server sends bit by bit, its client gets bit by bit.
		ErrorLog:      log.New(logWriter(s.Logf), "", 0),
		ErrorHandler:  s.fail,
	}
	passOn.ServeHTTP(response, request)
}

package proxy

import (
	"net"
	"sync"
	"time"
)

const (
	// firstByteTimeout is how long a client may take to show which protocol it speaks.
	firstByteTimeout = 10 * time.Second
	// maxUndecided is how many clients may be about to do so.
	maxUndecided = 1024
)

// Split makes two listeners of one. A client whose first byte is a version of SOCKS comes to the first, any other to
// the second, which is for HTTP. The given listener is closed once both are, and both fail when it does.
func Split(listener net.Listener, errorf func(format string, arguments ...any)) (socks, http net.Listener) {
	s := &splitter{
		listener: Patient(listener, errorf), undecided: map[net.Conn]bool{}, done: make(chan struct{}),
	}
	for i := range s.parts {
		s.parts[i] = &part{splitter: s, queue: make(chan net.Conn), closed: make(chan struct{})}
	}
	s.open = len(s.parts)
	go s.accept()
	return s.parts[0], s.parts[1]
}

type splitter struct {
	listener net.Listener
	parts    [2]*part
	done     chan struct{} // closed when the listener has failed, after err was set
	err      error

	mu        sync.Mutex
	open      int // parts
	undecided map[net.Conn]bool
}

func (s *splitter) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			s.err = err
			close(s.done)
			return
		}
		if !s.admit(conn) {
			_ = Abort(conn)
			continue
		}
		go s.decide(conn)
	}
}

func (s *splitter) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == 0 || len(s.undecided) == maxUndecided {
		return false
	}
	s.undecided[conn] = true
	return true
}

// decide reads the first byte of a connection and hands it to whoever understands it.
func (s *splitter) decide(conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(firstByteTimeout)) // If it fails, so does Read.
	first := make([]byte, 1)
	_, err := conn.Read(first)
	_ = conn.SetReadDeadline(time.Time{})
	s.mu.Lock()
	delete(s.undecided, conn)
	s.mu.Unlock()
	if err != nil {
		_ = conn.Close()
		return
	}
	part := s.parts[1]
	if first[0] == 4 || first[0] == 5 {
		part = s.parts[0]
	}
	select {
	case part.queue <- Begun(conn, first):
	case <-part.closed:
		_ = Abort(conn)
	}
}

// release counts a part that was closed. After the last one nobody is there for those who are undecided.
func (s *splitter) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open > 0 {
		return nil
	}
	for conn := range s.undecided {
		_ = Abort(conn)
	}
	return s.listener.Close()
}

// A part is one of the two listeners.
type part struct {
	splitter *splitter
	queue    chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (p *part) Accept() (net.Conn, error) {
	select {
	case conn := <-p.queue:
		return conn, nil
	case <-p.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: p.Addr(), Err: net.ErrClosed}
	case <-p.splitter.done:
		return nil, p.splitter.err
	}
}

func (p *part) Close() (err error) {
	p.once.Do(func() {
		close(p.closed)
		err = p.splitter.release()
	})
	return err
}

func (p *part) Addr() net.Addr { return p.splitter.listener.Addr() }

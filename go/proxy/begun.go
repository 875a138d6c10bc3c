package proxy

import "net"

// A begunConn is a connection from which something was read that belongs to whoever reads next.
type begunConn struct {
	net.Conn
	prefix []byte
}

// Begun returns conn with prefix put back in front of what it still has to read.
func Begun(conn net.Conn, prefix []byte) net.Conn {
	if len(prefix) == 0 {
		return conn
	}
	if begun, ok := conn.(*begunConn); ok {
		return &begunConn{begun.Conn, append(prefix[:len(prefix):len(prefix)], begun.prefix...)}
	}
	return &begunConn{conn, prefix}
}

func (c *begunConn) Read(into []byte) (int, error) {
	if len(c.prefix) == 0 {
		return c.Conn.Read(into)
	}
	length := copy(into, c.prefix)
	c.prefix = c.prefix[length:]
	return length, nil
}

// CloseWrite ends what the connection sends, if it can be half-closed.
func (c *begunConn) CloseWrite() error {
	closeWrite(c.Conn)
	return nil
}

// Abort closes the connection so that its other end sees a reset.
func (c *begunConn) Abort() error { return Abort(c.Conn) }

package foreground

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// Environment variables of systemd's protocol. Source: sd_notify(3), sd_watchdog_enabled(3).
const (
	NotifySocket = "NOTIFY_SOCKET" // path, or "@" and an abstract name, of a datagram socket
	WatchdogUsec = "WATCHDOG_USEC" // microseconds within which the service must say that it works
	WatchdogPID  = "WATCHDOG_PID"  // the process from which that is expected
)

// NotifyPID is a variable of ours: the process that the service manager started, if that one waits for this one.
const NotifyPID = "WG_PROCESS_NOTIFY_PID"

// notifyTimeout bounds the wait for a service manager that does not read.
const notifyTimeout = time.Second

// A manager is the service manager that started this process, such as systemd. Without NotifySocket it is nobody,
// and nothing is sent. What cannot be sent is logged, and changes nothing else.
type manager struct {
	address  *net.UnixAddr // nil if there is no manager
	pid      int           // the process that the manager started; 0 if it is this one
	watchdog time.Duration // within which the manager wants a sign of life; 0 if it wants none
	log      tunnel.Log
}

// findManager reads the environment.
func (p Process) findManager(log tunnel.Log) manager {
	m := manager{log: log}
	address := p.Getenv(NotifySocket)
	switch {
	case address == "", strings.HasPrefix(address, "vsock:"): // a virtual machine's manager, on the host
		return m
	case address[0] != '/' && address[0] != '@':
		log.Errorf("%s=%q is not an absolute path or an abstract name: the service manager is not notified", NotifySocket, address)
		return m
	}
	m.address = &net.UnixAddr{Net: "unixgram", Name: address}
	var err error
	if m.pid, err = p.processID(NotifyPID); err != nil {
		log.Errorf("%v: it is ignored", err)
	}
	if m.watchdog, err = p.watchdog(); err != nil {
		log.Errorf("%v: the service manager's watchdog is not notified", err)
	}
	return m
}

// processID returns the process that a variable names, or 0 if it is not set.
func (p Process) processID(variable string) (int, error) {
	value := p.Getenv(variable)
	if value == "" {
		return 0, nil
	}
	pid, err := strconv.ParseInt(value, 10, 32)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s=%q is not a process", variable, value)
	}
	return int(pid), nil
}

// watchdog returns the time within which this process must say that it works, or 0 if nobody asks it to.
func (p Process) watchdog() (time.Duration, error) {
	value := p.Getenv(WatchdogUsec)
	if value == "" {
		return 0, nil
	}
	pid, err := p.processID(WatchdogPID)
	if err != nil {
		return 0, err
	}
	if pid != 0 && pid != os.Getpid() {
		return 0, nil
	}
	microseconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || microseconds <= 0 || microseconds > math.MaxInt64/int64(time.Microsecond) {
		return 0, fmt.Errorf("%s=%q is not a number of microseconds", WatchdogUsec, value)
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}

// ready says that the interface called name is served.
func (m manager) ready(name string) { m.notify("READY=1", "STATUS=Serving "+name) }

// failed says why the interface called name is not served.
func (m manager) failed(name string, err error) {
	m.notify("STATUS=Cannot serve "+name+": "+status.FactOf(err), errnoField(err))
}

// closing says that the tunnel was told to end.
func (m manager) closing(name string) { m.notify("STOPPING=1", "STATUS=Closing "+name) }

// ended says that the tunnel has ended by itself.
func (m manager) ended(t *tunnel.Tunnel) {
	fields := []string{"STOPPING=1", "STATUS=" + t.Name() + " has ended: " + t.EndLine()}
	if _, err := t.End(); err != nil {
		fields = append(fields, errnoField(err))
	}
	m.notify(fields...)
}

func errnoField(err error) string { return fmt.Sprintf("ERRNO=%d", status.ErrnoOf(err)) }

// guard sends a sign of life whenever half of the watchdog's time has passed and works returns true, until stop is
// closed. If works hangs, no sign is sent.
func (m manager) guard(works func() bool, stop <-chan struct{}) {
	if m.watchdog == 0 {
		return
	}
	ticker := time.NewTicker(m.watchdog / 2)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			if works() {
				m.notify("WATCHDOG=1")
			}
		}
	}
}

// answers reports whether the device can still say all that it knows, for which it takes each of its locks. Sockets
// and interfaces that fail end the tunnel without a watchdog, and a peer that is silent is nothing to restart for.
func answers(t *tunnel.Tunnel) bool {
	_, err := t.Exchange([]byte("get=1\n\n"), make([]byte, tunnel.MinAnswer))
	return err == nil || errors.Is(err, unix.ERANGE) // the answer itself is not wanted
}

// notify sends one message. Each has a socket of its own, because the manager may have been started anew.
func (m manager) notify(fields ...string) {
	if m.address == nil {
		return
	}
	if err := m.send(tunnel.Redact(strings.Join(fields, "\n"))); err != nil {
		m.log.Errorf("Notifying the service manager: %v", err)
	}
}

func (m manager) send(message string) error {
	connection, err := net.DialUnix("unixgram", nil, m.address)
	if err != nil {
		return err
	}
	defer connection.Close() // nothing waits to be written
	if err := connection.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	if m.pid != 0 {
		// By default a manager listens only to the process that it started. With CAP_SYS_ADMIN this one may speak for it.
		credentials := unix.Ucred{Pid: int32(m.pid), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
		err := sendWith(connection, message, unix.UnixCredentials(&credentials))
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	_, err = connection.Write([]byte(message))
	return err
}

// sendWith sends a message with a control message, which package net does not on a connected datagram socket.
func sendWith(connection *net.UnixConn, message string, control []byte) error {
	raw, err := connection.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Write(func(fd uintptr) (done bool) {
		sendErr = unix.Sendmsg(int(fd), []byte(message), control, nil, unix.MSG_NOSIGNAL)
		return !errors.Is(sendErr, unix.EAGAIN)
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", sendErr)
}

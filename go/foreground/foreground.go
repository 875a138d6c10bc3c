// Package foreground runs one tunnel until it ends or a signal ends it: what upstream's wireguard-go
// does with -f. The executable and the library's Run share it.
package foreground

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
	"wg-bridge/go/tunnel"
)

// Environment variables of upstream's contract, and StatusFd, which is ours.
const (
	TUNFd    = "WG_TUN_FD"            // descriptor of an open TUN interface
	UAPIFd   = "WG_UAPI_FD"           // descriptor of a listening UAPI socket
	StatusFd = "WG_PROCESS_STATUS_FD" // descriptor that is told Ready and the end, or why there is no tunnel

	// LifelineFd, which is ours too, names a descriptor whose other end the process holds for which the
	// tunnel is run: at its end of file, however that process ended, the tunnel ends as well.
	LifelineFd = "WG_PROCESS_LIFELINE_FD"

	// Disable, ours as well, names features that the tunnel is to do without, as tunnel.ParseDisabled
	// reads them.
	Disable = "WG_BRIDGE_DISABLE"
)

// Ready begins the line on StatusFd that says that the UAPI socket answers: "ready NAME", with the
// interface's real name.
const Ready = "ready"

// A Process is what a tunnel in the foreground takes from the process that it runs in.
type Process struct {
	Getenv  func(string) string
	Output  io.Writer // takes the log
	Version string    // of the engine, for the log
}

// Run opens the interface called name and serves it until SIGTERM, SIGINT, the lifeline's end, the
// interface's deletion or its socket's removal; each of these is a good end. Signals are taken from the first moment that
// there is something to clean up, and given back on return. The error says why no tunnel came to be,
// or what failed when it ended; it has been logged.
func (p Process) Run(name string, level tunnel.Level) error {
	status, err := p.OpenStatus()
	if err != nil {
		tunnel.NewLog(p.Output, level, name).Errorf("%v", err)
		return err
	}
	defer status.Close()
	lifeline, err := p.openLifeline()
	if err != nil {
		tunnel.NewLog(p.Output, level, name).Errorf("%v", err)
		status.Tell(err.Error())
		return err
	}
	defer lifeline.Close()
	term := make(chan os.Signal, 1)
	signal.Notify(term, unix.SIGTERM, unix.SIGINT)
	defer signal.Stop(term)

	t, log, err := p.start(name, level)
	if err != nil {
		log.Errorf("%v", err)
		status.Tell(err.Error())
		return err
	}
	status.Tell(Ready + " " + t.Name())

	select {
	case <-term:
	case <-lifeline.Cut():
	case <-t.Done():
	}
	_ = t.Close() // End has its error
	_, err = t.End()
	status.Tell(t.EndLine())
	log.Verbosef("Shutting down")
	return err
}

func (p Process) start(name string, level tunnel.Level) (*tunnel.Tunnel, tunnel.Log, error) {
	files, features, err := p.Open(name)
	if err == nil {
		name = files.Name
	}
	log := tunnel.NewLog(p.Output, level, name)
	log.Verbosef("Starting wireguard-go version %s", p.Version)
	if err != nil {
		return nil, log, err
	}
	t, err := tunnel.Start(files, features, log)
	return t, log, err
}

// Open opens the interface called name and its socket, or takes the descriptors that the
// environment names, once it has read there which features the tunnel is to have.
func (p Process) Open(name string) (tunnel.Files, tunnel.Features, error) {
	features, err := tunnel.ParseDisabled(p.Getenv(Disable))
	if err != nil {
		return tunnel.Files{}, tunnel.Features{}, fmt.Errorf("%s: %w", Disable, err)
	}
	var given tunnel.Given
	var errs [2]error
	given.TUN, errs[0] = p.file(TUNFd)
	given.UAPI, errs[1] = p.file(UAPIFd)
	if err := errors.Join(errs[:]...); err != nil {
		err = errors.Join(err, tunnel.Files{TUN: given.TUN, UAPI: given.UAPI}.Release())
		return tunnel.Files{}, tunnel.Features{}, err
	}
	files, err := tunnel.Open(name, tunnel.DefaultMTU, given)
	return files, features, err
}

// file returns the open file whose descriptor the environment names, or nil where it names none.
func (p Process) file(variable string) (*os.File, error) {
	value := p.Getenv(variable)
	if value == "" {
		return nil, nil
	}
	fd, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%s=%q is no file descriptor: give the number of an open one, or unset it: %w", variable, value, unix.EINVAL)
	}
	// Non-blocking puts it on the runtime's poller; a descriptor that is not open shows here.
	if err := unix.SetNonblock(int(fd), true); err != nil {
		return nil, fmt.Errorf("%s=%d is not an open file descriptor: %w", variable, fd, err)
	}
	if variable == StatusFd && (fd == uint64(unix.Stdout) || fd == uint64(unix.Stderr)) {
		return duplicate(int(fd), variable)
	}
	unix.CloseOnExec(int(fd))
	file := os.NewFile(uintptr(fd), variable)
	if variable == LifelineFd {
		// Otherwise the first read would fail, and that is an end as well.
		if err := pollable.Check(file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return file, nil
}

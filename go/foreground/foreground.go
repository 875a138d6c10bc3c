// Package foreground runs one tunnel until it ends or a signal ends it: what upstream's wireguard-go
// does with -f. The executable and the library's Run share it.
package foreground

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// Environment variables of upstream's contract.
const (
	TUNFd    = "WG_TUN_FD"  // descriptor of an open TUN interface
	UAPIFd   = "WG_UAPI_FD" // descriptor of a listening UAPI socket
	LogLevel = "LOG_LEVEL"  // as ParseLevel reads it
)

// Environment variables of ours.
const (
	StatusFd   = "WG_PROCESS_STATUS_FD"   // descriptor for the lines of package status
	LifelineFd = "WG_PROCESS_LIFELINE_FD" // descriptor of a pipe from the parent; at its end of file the tunnel ends
	Disable    = "WG_BRIDGE_DISABLE"      // features to run without, as tunnel.ParseDisabled reads them
)

// A Process is what a tunnel in the foreground needs of the process that it runs in.
type Process struct {
	Getenv func(string) string
	Output io.Writer // for the log

	// ReportsErrors says that whoever calls Run reports its error, which is then not logged as well.
	ReportsErrors bool

	substitute *substitute // nil if this program has not replaced wg-bridge
}

// Run opens the interface called name and serves it until SIGTERM, SIGINT, the lifeline's end, the interface's
// deletion or its socket's removal, none of which is an error. It handles the signals before it opens anything, and
// gives them back on return. The error says why the tunnel could not start, or what failed when it ended. A start
// that fails is reported once: on StatusFd, by the caller if ReportsErrors, or else in the log. A service manager that
// NotifySocket names is notified of all of it.
func (p Process) Run(name string, level tunnel.Level) error {
	return p.Serve(name, level, func(bool) (Started, error) {
		t, log, err := p.start(name, level)
		if err != nil {
			return Started{Log: log}, err
		}
		return Started{t, log, t.Name()}, nil
	})
}

// Started is a tunnel that has started.
type Started struct {
	Tunnel *tunnel.Tunnel
	Log    tunnel.Log // also after an error
	Ready  string     // what answers: its interface's name, or its station's path
}

// Serve does what Run does with the tunnel that start starts, which is called name until then. isOwned says that there
// is a lifeline, whose other end is the parent's.
func (p Process) Serve(name string, level tunnel.Level, start func(isOwned bool) (Started, error)) error {
	log := tunnel.NewLog(p.Output, level, name)
	manager := p.findManager(log)
	fail := func(lines StatusWriter, log tunnel.Log, err error) error {
		manager.failed(name, err)
		return p.fail(lines, log, err)
	}
	lines, err := p.OpenStatus()
	if err != nil {
		return fail(lines, log, err)
	}
	defer lines.Close()
	lifeline, err := p.openLifeline()
	if err != nil {
		return fail(lines, log, err)
	}
	defer lifeline.Close()
	term := make(chan os.Signal, 1)
	signal.Notify(term, p.substitute.signals()...)
	defer signal.Stop(term)

	started, err := start(lifeline.file != nil)
	t, log := started.Tunnel, started.Log
	manager.log = log
	if err != nil {
		return fail(lines, log, err)
	}
	lines.WriteReady(started.Ready)
	manager.ready(t.Name())
	stop := make(chan struct{})
	var guard sync.WaitGroup
	guard.Go(func() { manager.guard(func() bool { return answers(t) }, stop) })

	asked := true
	select {
	case by := <-term:
		p.substitute.asked(by)
	case <-lifeline.Cut():
	case <-t.Done():
		asked = false
	}
	close(stop)
	if asked {
		manager.closing(t.Name())
	} else {
		manager.ended(t)
	}
	_ = t.Close() // End has its error
	guard.Wait()
	reason, err := t.End()
	lines.WriteLine(t.EndLine())
	log.Verbosef("Shutting down")
	if err != nil {
		return &status.Failure{Code: status.Lost, Err: fmt.Errorf("%s: %w", reason, err)}
	}
	return nil
}

// fail reports the error of a start, and returns it.
func (p Process) fail(lines StatusWriter, log tunnel.Log, err error) error {
	if !lines.WriteLine(status.Failed(err)) && !p.ReportsErrors {
		log.Errorf("%v", err)
	}
	return err
}

func (p Process) start(name string, level tunnel.Level) (*tunnel.Tunnel, tunnel.Log, error) {
	files, features, err := p.Open(name)
	if err == nil {
		name = files.Name
	}
	log := tunnel.NewLog(p.Output, level, name)
	log.Verbosef("Starting wireguard-go version %s", EngineVersion())
	if err != nil {
		return nil, log, err
	}
	t, err := tunnel.Start(files, features, log)
	return t, log, err
}

// Features returns those that the environment does not disable.
func (p Process) Features() (tunnel.Features, error) {
	features, err := tunnel.ParseDisabled(p.Getenv(Disable))
	if err != nil {
		return tunnel.Features{}, &status.Failure{Code: status.CodeOf(err), Err: fmt.Errorf("%s: %w", Disable, err)}
	}
	return features, nil
}

// Open reads the features from the environment, and opens the interface called name and its socket, or takes the
// descriptors that the environment names.
func (p Process) Open(name string) (tunnel.Files, tunnel.Features, error) {
	features, err := p.Features()
	if err != nil {
		return tunnel.Files{}, tunnel.Features{}, err
	}
	var given tunnel.Given
	var errs [2]error
	given.TUN, errs[0] = p.file(TUNFd)
	given.UAPI, errs[1] = p.file(UAPIFd)
	if err := errors.Join(errs[:]...); err != nil {
		return tunnel.Files{}, tunnel.Features{}, errors.Join(err, given.Release())
	}
	files, err := tunnel.Open(name, tunnel.DefaultMTU, given)
	return files, features, err
}

// file returns the open file whose descriptor the environment names, or nil if it names none.
func (p Process) file(variable string) (*os.File, error) {
	value := p.Getenv(variable)
	if value == "" {
		return nil, nil
	}
	fd, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return nil, valueFailure("%s=%q is not a file descriptor: %w", variable, value, unix.EINVAL)
	}
	// Non-blocking puts it on the runtime's poller; a descriptor that is not open shows here.
	if err := unix.SetNonblock(int(fd), true); err != nil {
		return nil, valueFailure("%s=%d is not an open file descriptor: %w", variable, fd, err)
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

func valueFailure(format string, arguments ...any) error {
	return &status.Failure{Code: status.Value, Err: fmt.Errorf(format, arguments...)}
}

// ParseLevel reads a log level as upstream does: verbose or debug, error, silent; otherwise error.
func ParseLevel(value string) tunnel.Level {
	switch value {
	case "verbose", "debug":
		return tunnel.Verbose
	case "silent":
		return tunnel.Silent
	}
	return tunnel.Error
}

// EngineVersion returns the version of the engine's module that was built in.
func EngineVersion() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "golang.zx2c4.com/wireguard" {
				return module.Version
			}
		}
	}
	return "unknown"
}

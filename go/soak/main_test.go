package soak

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/foreground"
	"wg-bridge/go/tunnel"
	"wg-bridge/go/userspace"
)

// namesVariable is the environment variable with the names of the interfaces, and the paths of the stations' sockets,
// that this executable is to run instead of its tests.
const namesVariable = "WG_BRIDGE_SOAK_NAMES"

func TestMain(m *testing.M) {
	names := strings.Fields(os.Getenv(namesVariable))
	if len(names) == 0 {
		os.Exit(m.Run())
	}
	if err := runTunnels(names); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runTunnels runs tunnels in this process until the end of standard input. It writes "ready" to descriptor 3, then the
// number of goroutines after each line of input. It fails if the tunnels leave goroutines behind.
func runTunnels(names []string) error {
	before := runtime.NumGoroutine()
	if err := serve(names); err != nil {
		return err
	}
	for deadline := time.Now().Add(settleTimeout); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			return fmt.Errorf("%d goroutines before the tunnels were opened, %d after they were closed", before, runtime.NumGoroutine())
		}
	}
	return nil
}

func serve(names []string) (err error) {
	features, err := tunnel.ParseDisabled(os.Getenv(foreground.Disable))
	if err != nil {
		return err
	}
	for _, name := range names {
		opened, startErr := start(name, features, tunnel.NewLog(os.Stderr, tunnel.Error, name))
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
	}
	answers := os.NewFile(3, "answers")
	if _, err := fmt.Fprintln(answers, "ready"); err != nil {
		return err
	}
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		if _, err := fmt.Fprintln(answers, runtime.NumGoroutine()); err != nil {
			return err
		}
	}
	return answers.Close()
}

// start starts a tunnel with an interface, or with a station if name is a path.
func start(name string, features tunnel.Features, log tunnel.Log) (*tunnel.Tunnel, error) {
	if filepath.IsAbs(name) {
		return userspace.Start(userspace.Config{Station: name}, features, log)
	}
	files, err := tunnel.Open(name, 0, tunnel.Given{})
	if err != nil {
		return nil, err
	}
	return tunnel.Start(files, features, log)
}

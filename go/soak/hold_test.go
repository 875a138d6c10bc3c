package soak

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"wg-bridge/go/foreground"
	"wg-bridge/go/tunnel"
)

// holdVariable names in the environment the interfaces that this executable is to run, instead of its
// tests.
const holdVariable = "WG_BRIDGE_SOAK_HOLD"

func TestMain(m *testing.M) {
	names := strings.Fields(os.Getenv(holdVariable))
	if len(names) == 0 {
		os.Exit(m.Run())
	}
	if err := hold(names); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hold runs tunnels in this process until the end of standard input. It says "ready" on descriptor 3,
// and after each line of input how many goroutines there are. In the end there may be no more than in
// the beginning.
func hold(names []string) error {
	before := runtime.NumGoroutine()
	if err := holdTunnels(names); err != nil {
		return err
	}
	for deadline := time.Now().Add(settle); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			return fmt.Errorf("%d goroutines before the tunnels, and %d after them", before, runtime.NumGoroutine())
		}
	}
	return nil
}

func holdTunnels(names []string) (err error) {
	features, err := tunnel.ParseDisabled(os.Getenv(foreground.Disable))
	if err != nil {
		return err
	}
	for _, name := range names {
		files, openErr := tunnel.Open(name, 0, tunnel.Given{})
		if openErr != nil {
			return openErr
		}
		held, startErr := tunnel.Start(files, features, tunnel.NewLog(os.Stderr, tunnel.Error, name))
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, held.Close()) }()
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

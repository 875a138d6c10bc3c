package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
	"wg-bridge/go/uapi"
)

// reporter is a variable whose command prints its words, each in brackets.
const reporter = foreground.Reporter + "=/bin/sh\n-c\nprintf '[%s]' \"$@\"; exit 7\nsh\nreported"

func TestInPlaceOfWgBridgeAFailureIsReportedInsteadOfLogged(t *testing.T) {
	begin(t)
	for _, arguments := range [][]string{{"-f", "lo"}, {"lo"}} {
		code, output := program.Run(t, []string{reporter}, nil, arguments...)
		if code != 7 || !strings.HasPrefix(output, "[reported][WG_BRIDGE_INTERFACE_EXISTS 16: ") || !strings.HasSuffix(output, "][]") {
			t.Errorf("%q: exit %d, %q", arguments, code, output)
		}
	}
}

func TestInPlaceOfWgBridgeEachSignalThatEndsNodeEndsTheTunnelInGoodOrder(t *testing.T) {
	begin(t)
	for signal, want := range map[syscall.Signal]int{
		syscall.SIGTERM: 0, syscall.SIGINT: 0,
		syscall.SIGHUP: 129, syscall.SIGQUIT: 131, syscall.SIGUSR2: 140, syscall.SIGALRM: 142,
	} {
		command := program.Command("-f", "wgx0")
		command.Env = append(os.Environ(), reporter, "LOG_LEVEL=verbose")
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for lines.Scan() && !strings.HasSuffix(lines.Text(), "UAPI listener started") {
		}
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
		}
		err = command.Wait()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || command.ProcessState.ExitCode() != want {
			t.Errorf("%v: %v, want exit %d", signal, command.ProcessState, want)
		}
		expectGone(t, uapi.Path("wgx0"))
	}
}

func TestInPlaceOfWgBridgeATunnelInTheBackgroundHasAStatusOfItsOwn(t *testing.T) {
	begin(t)
	if code, output := program.Run(t, []string{reporter}, nil, "wgx0"); code != foreground.ExitSuccess || output != "" {
		t.Errorf("exit %d, %q", code, output)
	}
	testbed.Run(t, "ip", "link", "del", "wgx0")
	expectGone(t, uapi.Path("wgx0"))
}

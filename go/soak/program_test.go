package soak

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wg-bridge/go/userspace"
)

// A program is a process that runs tunnels.
type program struct {
	command *exec.Cmd
	runs    *end           // one of those that it runs
	input   io.WriteCloser // standard input
	answers *bufio.Scanner // the lines that it writes to descriptor 3
	garbage *collections

	countsGoroutines bool // answers each line of input with their number, and ends at the end of input
	shipped          bool // users run it too: it contains no race detector, which needs memory of its own
}

// startProgram starts a program that runs a tunnel. The program writes "ready" to descriptor 3 once its tunnels answer,
// then its answers. The test's end ends the program, and fails the test if it exits with an error.
func startProgram(ctx context.Context, t *testing.T, runs *end, environment []string, command ...string) *program {
	t.Helper()
	p := &program{
		command: exec.CommandContext(ctx, command[0], command[1:]...),
		garbage: &collections{rest: os.Stderr},
		runs:    runs,
	}
	p.command.Env = slices.Concat(os.Environ(), []string{"LOG_LEVEL=error"}, tracing[:], environment)
	p.command.Stdout, p.command.Stderr = os.Stderr, p.garbage
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() }) // nothing was written to it
	p.command.ExtraFiles = []*os.File{writer}
	if p.input, err = p.command.StdinPipe(); err != nil {
		t.Fatal(errors.Join(err, writer.Close()))
	}
	if err := errors.Join(p.command.Start(), writer.Close()); err != nil {
		t.Fatalf("%s: %v. Run scripts/setup to build it.", command[0], err)
	}
	t.Cleanup(func() { p.stop(t) })
	p.answers = bufio.NewScanner(reader)
	if !p.answers.Scan() || !strings.HasPrefix(p.answers.Text(), "ready") {
		t.Fatalf("%s did not start: it wrote %q", command[0], p.answers.Text())
	}
	return p
}

// stop ends the program and waits until it has exited, at most as long as its context.
func (p *program) stop(t *testing.T) {
	_ = p.input.Close() // fails if the program has exited already
	if !p.countsGoroutines {
		_ = p.command.Process.Signal(os.Interrupt)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("%s: %v", p.command.Path, err)
	}
}

// artifact returns the absolute path of a file that scripts/setup makes.
func artifact(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

// A runner starts the programs that run two tunnels.
type runner func(ctx context.Context, t *testing.T, ends [2]*end) []*program

// inOneProcess runs both tunnels in one more process of this test's executable.
func inOneProcess(ctx context.Context, t *testing.T, ends [2]*end) []*program {
	t.Helper()
	p := startProgram(ctx, t, ends[0], []string{namesVariable + "=" + ends[0].name + " " + ends[1].name}, os.Args[0])
	p.countsGoroutines = true
	return []*program{p}
}

// onExec runs each tunnel in a process of the executable.
func onExec(ctx context.Context, t *testing.T, ends [2]*end) (programs []*program) {
	t.Helper()
	const statusVariable = "WG_PROCESS_STATUS_FD=3"
	for _, one := range ends {
		environment, command := []string{statusVariable}, []string{artifact(t, "build/wireguard-go"), "-f", one.name}
		if one.isUserspace() {
			environment = append(environment, userspace.StationPath+"="+one.name)
			command = []string{artifact(t, "build/wireguard-go-userspace")}
		}
		p := startProgram(ctx, t, one, environment, command...)
		p.shipped = true
		programs = append(programs, p)
	}
	return programs
}

// onFFI runs each tunnel in a Node.js process by the library.
func onFFI(ctx context.Context, t *testing.T, ends [2]*end) (programs []*program) {
	t.Helper()
	for _, one := range ends {
		p := startProgram(ctx, t, one, nil, "node", artifact(t, "dist/test/soak/hold.js"), one.name)
		p.countsGoroutines, p.shipped = true, true
		programs = append(programs, p)
	}
	return programs
}

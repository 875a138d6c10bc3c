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
)

// A program is a process that runs tunnels.
type program struct {
	command *exec.Cmd
	input   io.WriteCloser // at whose end it closes its tunnels and ends
	said    *bufio.Scanner // a line once its tunnels answer, then one for each question
	asks    bool           // whether it answers questions
	shipped bool           // and not this test's own executable, which may hold what the race detector needs
	garbage *collections
	name    string // of an interface that it runs
}

// begin starts a program that runs the interface called name, with a pipe as its descriptor 3 to say
// "ready" and to answer on. The test's end ends the program, and fails the test unless it then ends well.
func begin(ctx context.Context, t *testing.T, name string, environment []string, command ...string) *program {
	t.Helper()
	p := &program{
		command: exec.CommandContext(ctx, command[0], command[1:]...),
		garbage: &collections{rest: os.Stderr},
		name:    name,
	}
	p.command.Env = slices.Concat(os.Environ(), []string{"LOG_LEVEL=error"}, tracing[:], environment)
	p.command.Stdout, p.command.Stderr = os.Stderr, p.garbage
	reading, writing, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reading.Close() }) // it was only read
	p.command.ExtraFiles = []*os.File{writing}
	if p.input, err = p.command.StdinPipe(); err != nil {
		t.Fatal(errors.Join(err, writing.Close()))
	}
	if err := errors.Join(p.command.Start(), writing.Close()); err != nil {
		t.Fatalf("%s: %v. Run scripts/setup, which builds it.", command[0], err)
	}
	t.Cleanup(func() { p.end(t) })
	p.said = bufio.NewScanner(reading)
	if !p.said.Scan() || !strings.HasPrefix(p.said.Text(), "ready") {
		t.Fatalf("%s did not start: it said %q", command[0], p.said.Text())
	}
	return p
}

func (p *program) end(t *testing.T) {
	_ = p.input.Close() // may have ended before
	if !p.asks {
		_ = p.command.Process.Signal(os.Interrupt)
	}
	// It flushes and closes; the context bounds how long.
	if err := p.command.Wait(); err != nil {
		t.Errorf("%s: %v", p.command.Path, err)
	}
}

// artifact is the path of what scripts/setup makes.
func artifact(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

// A runner starts the programs that run two tunnels.
type runner func(ctx context.Context, t *testing.T, names [2]string) []*program

// inOneProcess runs both tunnels in this test's own executable, started again.
func inOneProcess(ctx context.Context, t *testing.T, names [2]string) []*program {
	t.Helper()
	p := begin(ctx, t, names[0], []string{holdVariable + "=" + names[0] + " " + names[1]}, os.Args[0])
	p.asks = true
	return []*program{p}
}

// onExec runs each tunnel in a process of the executable.
func onExec(ctx context.Context, t *testing.T, names [2]string) (programs []*program) {
	t.Helper()
	for _, name := range names {
		p := begin(ctx, t, name, []string{"WG_PROCESS_STATUS_FD=3"}, artifact(t, "build/wireguard-go"), "-f", name)
		p.shipped = true
		programs = append(programs, p)
	}
	return programs
}

// onFFI runs each tunnel in a Node.js process that has loaded the library.
func onFFI(ctx context.Context, t *testing.T, names [2]string) (programs []*program) {
	t.Helper()
	for _, name := range names {
		p := begin(ctx, t, name, nil, "node", artifact(t, "dist/test/soak/hold.js"), name)
		p.asks, p.shipped = true, true
		programs = append(programs, p)
	}
	return programs
}

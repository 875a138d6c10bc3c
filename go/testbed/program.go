package testbed

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A Program is the path of an executable under test. What it does with its own process, such as starting a copy of
// itself, can only be seen from outside.
type Program string

// RunWithProgram builds the executable of the current directory's package, stores its path in program, runs the tests,
// and returns their exit code.
func RunWithProgram(m *testing.M, program *Program) int {
	directory, err := os.MkdirTemp("", "program-test")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(directory)
	if err := os.Chmod(directory, 0o755); err != nil { // for users without privileges
		panic(err)
	}
	path := filepath.Join(directory, "program")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is delivered
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
		return 1
	}
	*program = Program(path)
	return m.Run()
}

// Command returns a command that runs the program.
func (p Program) Command(arguments ...string) *exec.Cmd { return exec.Command(string(p), arguments...) }

// Run runs the program to its end and returns its exit code and standard output.
func (p Program) Run(t *testing.T, environment []string, files []*os.File, arguments ...string) (code int, output string) {
	t.Helper()
	command := p.Command(arguments...)
	command.Env = append(os.Environ(), environment...)
	command.ExtraFiles = files
	var written bytes.Buffer
	command.Stdout, command.Stderr = &written, os.Stderr
	_ = command.Run() // the exit code says it
	return command.ProcessState.ExitCode(), written.String()
}

// RunWithStatus runs the program to its end and returns what it wrote on its status descriptor, and its output.
func (p Program) RunWithStatus(t *testing.T, environment []string, arguments ...string) (lines, output string) {
	t.Helper()
	reader, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	_, output = p.Run(t, append(environment, "WG_PROCESS_STATUS_FD=3"), []*os.File{childEnd}, arguments...)
	childEnd.Close()
	read, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(read), output
}

// ExpectEnd fails the test unless a program ends well, and says this, and no more, on its status descriptor.
func ExpectEnd(t *testing.T, command *exec.Cmd, status *bufio.Reader, want string) {
	t.Helper()
	if end, err := io.ReadAll(status); string(end) != want+"\n" || err != nil {
		t.Errorf("status %q, %v; want %s", end, err, want)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

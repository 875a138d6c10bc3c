package foreground

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"wg-bridge/go/cipher"
	"wg-bridge/go/descriptors"
	"wg-bridge/go/status"
	"wg-bridge/go/tunnel"
)

// Exit codes of a Program.
const (
	ExitSuccess = 0
	ExitFailure = 1
)

// runtimeDescriptors are what Go's runtime opens for its poller, and the first file that needs it. If it cannot, it
// ends the process with a trace.
const runtimeDescriptors = 3

// A Program is an executable that serves a tunnel.
type Program struct {
	Name  string // as --version prints it
	Usage string // %[1]s is what it was called as

	// Parse reads the arguments, without the program's name. It returns the tunnel's name, for the log, and what serves
	// the tunnel. ok is false if the usage is to be printed.
	Parse func(arguments []string) (name string, serve Serve, ok bool)
}

// Serve serves a tunnel until it ends. It has reported the error that it returns.
type Serve func(process Process, level tunnel.Level) error

// Main runs the program with the arguments of this process, the first of which is its name, and returns its exit code.
func (p Program) Main(arguments []string) int {
	if len(arguments) == 2 && arguments[1] == "--version" {
		if features, err := (Process{Getenv: os.Getenv}).Features(); err == nil && !features.AVX512 {
			cipher.DoWithoutAVX512()
		}
		fmt.Printf("%s %s\n\nUserspace WireGuard daemon for %s-%s, of wg-bridge.\nChaCha20-Poly1305: %s\n",
			p.Name, EngineVersion(), runtime.GOOS, runtime.GOARCH, cipher.Name())
		return ExitSuccess
	}
	name, serve, ok := p.Parse(arguments[1:])
	if !ok {
		fmt.Printf(p.Usage, arguments[0])
		return ExitSuccess
	}
	process := Process{Getenv: os.Getenv, Output: NewPatientWriter(os.Stdout), substitute: findSubstitute(os.Getenv)}
	if err := descriptors.Require(runtimeDescriptors); err != nil {
		if !process.WriteWithoutPoller(status.Failed(err)) {
			tunnel.NewLog(process.Output, tunnel.Error, name).Errorf("%v", err)
		}
		return process.substitute.exitCode(err)
	}
	// The reader of the log may go away; the tunnel stays.
	signal.Ignore(unix.SIGPIPE)
	return process.substitute.exitCode(serve(process, ParseLevel(os.Getenv(LogLevel))))
}

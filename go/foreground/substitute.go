package foreground

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Reporter is a variable of ours, for a program that has replaced wg-bridge in its process: the command, one word a
// line, that says in wg-bridge's words why there is no tunnel. It replaces the program in turn, with two more words:
// the last line of status, and the signal after which the tunnel did not end, each perhaps empty.
const Reporter = "WG_PROCESS_REPORTER"

// blockingStderr is a variable of ours: "1" says that standard error blocked its writers until Node.js changed that,
// and gives it back so. Programs that share the pipe may rely on it.
const blockingStderr = "WG_PROCESS_BLOCKING_STDERR"

// closingGrace is how long a tunnel may take to end after a signal. Then its process is given up.
const closingGrace = 5 * time.Second

// A substitute makes a program that has replaced wg-bridge end as wg-bridge does: what ends Node.js ends the tunnel in
// good order, and a failure is reported in the same words. All methods of nil do nothing: nobody was replaced.
type substitute struct {
	reporter []string
	grace    time.Duration
	last     string    // line of status
	by       os.Signal // what ended the tunnel; nil if no signal did
}

// findSubstitute reads the environment. It runs no command for a user whose privileges this program does not have.
func findSubstitute(getenv func(string) string) *substitute {
	command := getenv(Reporter)
	if command == "" || os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return nil
	}
	if getenv(blockingStderr) == "1" {
		_ = unix.SetNonblock(unix.Stderr, false) // it may be closed
	}
	return &substitute{reporter: strings.Split(command, "\n"), grace: closingGrace}
}

// orderly are the signals that end a tunnel, and are no failure.
var orderly = []os.Signal{unix.SIGTERM, unix.SIGINT}

// signals returns those that end the tunnel. Node.js ends at the others as well, and its child with it.
func (s *substitute) signals() []os.Signal {
	if s == nil {
		return orderly
	}
	return append(slices.Clone(orderly), unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR2, unix.SIGALRM)
}

// asked says that a signal ends the tunnel. If that takes too long, this process ends without it.
func (s *substitute) asked(by os.Signal) {
	if s == nil {
		return
	}
	s.by = by
	time.AfterFunc(s.grace, func() {
		number, _ := by.(syscall.Signal)
		s.report("", unix.SignalName(number))
		os.Exit(ExitFailure)
	})
}

// Write takes a line of status, of which the last one counts.
func (s *substitute) Write(line []byte) (int, error) {
	s.last = strings.TrimSuffix(string(line), "\n")
	return len(line), nil
}

// Close does nothing: the line is needed until the end.
func (s *substitute) Close() error { return nil }

// exitCode returns the one of a process whose tunnel has ended with err, after it has reported a failure.
func (s *substitute) exitCode(err error) int {
	if err != nil {
		if s != nil {
			s.report(s.last, "")
		}
		return ExitFailure
	}
	if s == nil || s.by == nil || slices.Contains(orderly, s.by) {
		return ExitSuccess
	}
	number, _ := s.by.(syscall.Signal)
	return 128 + int(number) // as a shell reports it
}

// report replaces this process by the reporter. If that is not possible, it writes the line itself.
func (s *substitute) report(line, late string) {
	environment := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return strings.HasPrefix(setting, Reporter+"=") || strings.HasPrefix(setting, blockingStderr+"=")
	})
	words := append(slices.Clone(s.reporter), line, late)
	_ = syscall.Exec(words[0], words, environment) // it returns only to say why not
	if late != "" {
		line = "the tunnel did not end by " + late
	}
	_, _ = os.Stderr.WriteString("wg-bridge: " + line + "\n")
}

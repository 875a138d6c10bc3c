package foreground

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// withStdout runs do while descriptor 1 is another file, or closed where that is nil.
func withStdout(t *testing.T, file *os.File, do func()) {
	t.Helper()
	saved, err := unix.Dup(unix.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if file != nil {
		err = unix.Dup3(int(file.Fd()), unix.Stdout, 0)
	} else {
		err = unix.Close(unix.Stdout)
	}
	defer func() {
		if err := errors.Join(unix.Dup3(saved, unix.Stdout, 0), unix.Close(saved)); err != nil {
			t.Fatal(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	do()
}

func TestAWriteToStandardOutputWithoutAReaderFailsAndEndsNothing(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	withStdout(t, writer, func() {
		output, err := OpenOutput()
		if err != nil {
			t.Fatal(err)
		}
		status, err := Process{Getenv: func(string) string { return "1" }}.OpenStatus()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(reader.Close(), writer.Close()); err != nil {
			t.Fatal(err)
		}
		status.WriteLine("nobody")
		if _, err := output.Write([]byte("nobody\n")); !errors.Is(err, unix.EPIPE) {
			t.Errorf("write: %v, want EPIPE", err)
		}
		status.Close()
		if err := output.Close(); err != nil {
			t.Error(err)
		}
		if _, err := unix.FcntlInt(uintptr(unix.Stdout), unix.F_GETFD, 0); err != nil {
			t.Errorf("standard output was closed: %v", err)
		}
	})
}

func TestAProcessWithoutStandardOutputLogsNowhere(t *testing.T) {
	withStdout(t, nil, func() {
		output, err := OpenOutput()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := output.Write([]byte("nobody\n")); err != nil {
			t.Error(err)
		}
		if err := output.Close(); err != nil {
			t.Error(err)
		}
	})
}

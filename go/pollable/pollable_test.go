package pollable

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAFileThatCannotBePolledIsRefusedAndClosed(t *testing.T) {
	// epoll refuses a regular file, and that is silent in package os.
	path := t.TempDir() + "/regular"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file, err := NewFile(fd, "the file")
	if file != nil || !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "the file") ||
		!strings.Contains(err.Error(), "fs.epoll.max_user_watches") {
		t.Errorf("%v, %v", file, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("it is still open: %v", err)
	}
}

func TestAPipeIsRead(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	file, err := NewFile(ends[0], "pipe")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read := make(chan error)
	go func() {
		_, err := file.Read(make([]byte, 1)) // may have to wait
		read <- err
	}()
	if _, err := unix.Write(ends[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

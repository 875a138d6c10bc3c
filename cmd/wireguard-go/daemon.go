package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"wg-bridge/go/foreground"
	"wg-bridge/go/tunnel"
)

// readyTimeout bounds the wait for the child; it has only to start.
const readyTimeout = 30 * time.Second

// Descriptors in the child: after stdin, stdout and stderr.
const (
	childTUN    = 3
	childUAPI   = 4
	childStatus = 5
)

// inBackground runs the tunnel in a child and returns once it answers, and tells whoever asked for
// the status the same as its error.
func inBackground(process foreground.Process, name string, level tunnel.Level) error {
	status, err := process.OpenStatus()
	if err != nil {
		return err
	}
	defer status.Close()
	ready, err := daemonize(process, name, level)
	if err != nil {
		status.Tell(err.Error())
		return err
	}
	status.Tell(ready)
	return nil
}

// daemonize opens the interface and its socket, starts a copy of this program that serves them, and
// returns that one's line once it says that the socket answers. Otherwise nothing is left behind.
func daemonize(process foreground.Process, name string, level tunnel.Level) (string, error) {
	files, _, err := process.Open(name) // the child reads its features itself
	if err != nil {
		return "", err
	}
	child, status, err := startChild(files, level)
	if err != nil {
		return "", errors.Join(fmt.Errorf("running in the background: %w", err), files.Discard())
	}
	ready, err := waitUntilReady(status)
	if err != nil {
		_ = child.Kill() // it may have ended by itself
		_, waitErr := child.Wait()
		return "", errors.Join(fmt.Errorf("running in the background: %w", err), waitErr, files.Discard())
	}
	// The files are the child's now.
	return ready, errors.Join(child.Release(), files.Release())
}

func startChild(files tunnel.Files, level tunnel.Level) (*os.Process, *os.File, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	status, childEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer childEnd.Close()

	output, errorOutput := null, null
	if os.Getenv(foreground.LogLevel) != "" && level != tunnel.Silent {
		output, errorOutput = os.Stdout, os.Stderr
	}
	child, err := os.StartProcess(executable, os.Args, &os.ProcAttr{
		Dir: "/",
		// Of two values for one name the first counts.
		Env: append([]string{
			inForeground + "=1",
			fmt.Sprintf("%s=%d", foreground.TUNFd, childTUN),
			fmt.Sprintf("%s=%d", foreground.UAPIFd, childUAPI),
			fmt.Sprintf("%s=%d", foreground.StatusFd, childStatus),
			foreground.LifelineFd + "=", // in the background it outlives whoever asked for it
		}, os.Environ()...),
		Files: []*os.File{null, output, errorOutput, childTUN: files.TUN, childUAPI: files.UAPI, childStatus: childEnd},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, nil, errors.Join(err, status.Close())
	}
	return child, status, nil
}

// waitUntilReady reads the child's one line of status, which it returns, and closes it.
func waitUntilReady(status *os.File) (string, error) {
	defer status.Close()
	if err := status.SetReadDeadline(time.Now().Add(readyTimeout)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(status).ReadString('\n')
	switch line = strings.TrimSuffix(line, "\n"); {
	case strings.HasPrefix(line, foreground.Ready+" "):
		return line, nil
	case line != "":
		return "", errors.New(line)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("the child has not answered within %v", readyTimeout)
	}
	return "", errors.New("the child ended before the UAPI socket answered")
}

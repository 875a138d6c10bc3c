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
	"wg-bridge/go/status"
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

// inBackground runs the tunnel in a child and returns once it answers. It reports a failure once: on the status
// descriptor, or else in the log.
func inBackground(process foreground.Process, name string, level tunnel.Level) error {
	log := tunnel.NewLog(process.Output, tunnel.Error, name)
	lines, err := process.OpenStatus()
	if err != nil {
		log.Errorf("%v", err)
		return err
	}
	defer lines.Close()
	realName, err := daemonize(process, name, level)
	if err != nil {
		if !lines.WriteLine(status.Failed(err)) {
			log.Errorf("%v", err)
		}
		return err
	}
	lines.WriteLine(status.Ready(realName))
	return nil
}

// daemonize opens the interface and its socket, starts a copy of this program that serves them, and returns the
// interface's name once the copy says that the socket answers. After an error nothing is left behind.
func daemonize(process foreground.Process, name string, level tunnel.Level) (string, error) {
	files, _, err := process.Open(name) // the child reads its features itself
	if err != nil {
		return "", err
	}
	child, lines, err := startChild(files, level)
	if err != nil {
		return "", errors.Join(childFailure(err), files.Discard())
	}
	realName, err := waitUntilReady(lines)
	if err != nil {
		_ = child.Kill() // it may have ended by itself
		_, waitErr := child.Wait()
		return "", errors.Join(childFailure(err), waitErr, files.Discard())
	}
	// The files are the child's now.
	return realName, errors.Join(child.Release(), files.Release())
}

func childFailure(err error) error {
	return &status.Failure{Code: status.CodeOf(err), Task: "running in the background", Err: err}
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
	lines, childEnd, err := os.Pipe()
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
			foreground.Reporter + "=",   // its parent reports
			foreground.LifelineFd + "=", // in the background it outlives whoever asked for it
			// Nor does a service manager wait for it: that it was started is known from its parent's end.
			foreground.NotifySocket + "=",
			foreground.WatchdogUsec + "=",
		}, os.Environ()...),
		Files: []*os.File{null, output, errorOutput, childTUN: files.TUN, childUAPI: files.UAPI, childStatus: childEnd},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, nil, errors.Join(err, lines.Close())
	}
	return child, lines, nil
}

// waitUntilReady returns the interface's name from the child's first line, and closes the pipe.
func waitUntilReady(lines *os.File) (string, error) {
	defer lines.Close()
	if err := lines.SetReadDeadline(time.Now().Add(readyTimeout)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(lines).ReadString('\n')
	switch line = strings.TrimSuffix(line, "\n"); {
	case line != "":
		return status.ParseStart(line)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("the child has not answered within %v", readyTimeout)
	}
	return "", errors.New("the child ended before the UAPI socket answered")
}

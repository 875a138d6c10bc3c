package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wg-bridge/go/cipher"
	"wg-bridge/go/foreground"
	"wg-bridge/go/testbed"
)

var program testbed.Program

func TestMain(m *testing.M) { os.Exit(testbed.RunWithProgram(m, &program)) }

// nobody is a user without any privilege.
const nobody = 65534

// stationPath returns the path of a station's socket in a directory of some user.
func stationPath(t *testing.T, user int) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "station")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	if err := os.Chown(directory, user, user); err != nil {
		t.Skipf("only root can become another user: %v", err)
	}
	return filepath.Join(directory, "station")
}

// startUserspace starts the program, from the calling thread, and returns it once its station is
// ready, with the rest of its status.
func startUserspace(t *testing.T, path string, change func(*exec.Cmd)) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	status, childEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { status.Close() })
	command := program.Command()
	command.Env = append(os.Environ(), "WG_PROCESS_STATUS_FD=3", "WG_STATION_PATH="+path, "WG_MTU=1280")
	command.ExtraFiles = []*os.File{childEnd}
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if change != nil {
		change(command)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() }) // unless it has ended
	childEnd.Close()
	lines := bufio.NewReader(status)
	if ready, err := lines.ReadString('\n'); ready != "ready "+path+"\n" || err != nil {
		t.Fatalf("status %q, %v", ready, err)
	}
	return command, lines
}

// dialAs connects to a path as a user, which only the calling thread becomes for a moment.
func dialAs(t *testing.T, path string, user int) net.Conn {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	become := func(user int) {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(user), ^uintptr(0)); errno != 0 {
			t.Fatal(errno)
		}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	self := os.Geteuid()
	become(user)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	become(self)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return connection
}

// ask sends a request to a station, and returns its answer.
func ask(connection net.Conn, request string) (answer string, err error) {
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)
	if _, err := connection.Write(frame); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(connection, frame[:4]); err != nil {
		return "", err
	}
	text := make([]byte, binary.BigEndian.Uint32(frame))
	_, err = io.ReadFull(connection, text)
	return string(text), err
}

const (
	controlRequest = `{"v":1,"kind":"control"}`
	uapiRequest    = `{"v":1,"kind":"uapi"}`
)

func TestAUserspaceNetworkNeedsNoPrivilegesAndNoNetlink(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	user := os.Geteuid()
	if user == 0 {
		user = nobody
	}
	path := stationPath(t, user)
	started := make(chan struct{})
	var command *exec.Cmd
	var status *bufio.Reader
	go func() {
		defer close(started)
		runtime.LockOSThread() // and never unlocked: the thread ends with its filter
		// EPERM would do for a TUN tunnel as well.
		if err := testbed.RefuseOnThread(unix.EINVAL, unix.SYS_SOCKET, testbed.Argument{Index: 0, Value: unix.AF_NETLINK}); err != nil {
			t.Error(err)
			return
		}
		command, status = startUserspace(t, path, func(command *exec.Cmd) {
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user), NoSetGroups: os.Geteuid() != 0}}
		})
	}()
	testbed.Wait(t, started, "the start")
	if t.Failed() {
		return
	}
	if user == nobody { // Root is a stranger as well.
		if answer, err := ask(dialAs(t, path, 0), controlRequest); err == nil {
			t.Errorf("root is answered %q", answer)
		}
	}
	if answer, err := ask(dialAs(t, path, user), controlRequest); answer != "{}" || err != nil {
		t.Fatalf("%q, %v", answer, err)
	}
	uapi := dialAs(t, path, user)
	if answer, err := ask(uapi, uapiRequest); answer != "{}" || err != nil {
		t.Fatalf("%q, %v", answer, err)
	}
	if _, err := fmt.Fprintf(uapi, "set=1\nlisten_port=0\nprivate_key=%064x\n\nget=1\n\n", 1<<30); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(uapi)
	port := ""
	for line := ""; !strings.HasPrefix(line, "listen_port="); port = strings.TrimSpace(line) {
		var err error
		if line, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if port == "listen_port=0" {
		t.Error("the engine has no UDP socket")
	}
	if err := command.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testbed.ExpectEnd(t, command, status, "closed")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket: %v", err)
	}
}

func TestAUserspaceNetworkBelongsToWhoeverHoldsItsLifelineAndEndsWithIt(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	lifeline, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer lifeline.Close()
	path := stationPath(t, os.Geteuid())
	command, status := startUserspace(t, path, func(command *exec.Cmd) {
		command.Env = append(command.Env, "WG_PROCESS_LIFELINE_FD=4")
		command.ExtraFiles = append(command.ExtraFiles, lifeline)
	})
	connection, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if answer, err := ask(connection, controlRequest); answer != "{}" || err != nil {
		t.Errorf("the parent is answered %q, %v", answer, err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	testbed.ExpectEnd(t, command, status, "closed")
}

func TestAUserspaceNetworkThatCannotStartSaysWhy(t *testing.T) {
	testbed.CheckLeaks(t, "no interface")
	path := stationPath(t, os.Geteuid())
	for want, environment := range map[string][]string{
		"WG_BRIDGE_VALUE 22: WG_STATION_PATH is not set":    {"WG_STATION_PATH="},
		`WG_BRIDGE_VALUE 22: WG_MTU="x" is not an MTU`:      {"WG_STATION_PATH=" + path, "WG_MTU=x"},
		"WG_BRIDGE_VALUE 22: an MTU of 576 bytes":           {"WG_STATION_PATH=" + path, "WG_MTU=576"},
		"WG_BRIDGE_SOCKET_DIRECTORY 2: the directory of":    {"WG_STATION_PATH=" + path + "/gone/station"},
		"WG_BRIDGE_UNTRUSTED 1: the directory of":           {"WG_STATION_PATH=/tmp/station-of-nobody"},
		"WG_BRIDGE_FEATURE_UNKNOWN 22: WG_BRIDGE_DISABLE: ": {"WG_STATION_PATH=" + path, "WG_BRIDGE_DISABLE=all,none"},
	} {
		lines, output := program.RunWithStatus(t, environment)
		if !strings.HasPrefix(lines, want) || strings.Count(lines, "\n") != 1 || output != "" {
			t.Errorf("status %q, output %q; want %q", lines, output, want)
		}
	}
}

func TestAnArgumentPrintsTheUsageAndIsNoFailure(t *testing.T) {
	for _, arguments := range [][]string{{"wgx0"}, {"-f", "wgx0"}, {"--userspace"}, {""}} {
		code, output := program.Run(t, nil, nil, arguments...)
		if code != foreground.ExitSuccess || !strings.HasPrefix(output, "Usage: "+string(program)+"\n") {
			t.Errorf("%q: exit %d, %q", arguments, code, output)
		}
	}
}

func TestItNamesItselfAndTheEnginesVersion(t *testing.T) {
	code, output := program.Run(t, nil, nil, "--version")
	said := "\nChaCha20-Poly1305: " + cipher.Name() + "\n"
	if code != foreground.ExitSuccess || !strings.HasPrefix(output, "wireguard-go-userspace v0.0.") || !strings.HasSuffix(output, said) {
		t.Errorf("exit %d, %q", code, output)
	}
}

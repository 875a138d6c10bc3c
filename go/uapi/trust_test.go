package uapi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

const stranger = 12345

func chown(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.Lchown(path, uid, uid); err != nil {
		t.Skipf("this user namespace has one user only: %v", err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// beginAlone begins a test that changes the directory of sockets, which tests of other packages use at the same
// time. The test's thread gets a /run of its own, and ends with the test.
func beginAlone(t *testing.T) {
	t.Helper()
	testbed.RequireSandbox(t)
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err = errors.Join(err, unix.Mount("tmpfs", "/run", "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	begin(t)
}

func expectRefusal(t *testing.T, why string) {
	t.Helper()
	file, err := Open(name)
	if err == nil {
		_ = Discard(name, file)
	}
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), why) {
		t.Errorf("Open = %v, want EPERM and %q", err, why)
	}
}

func TestOpenRefusesADirectoryOfAnotherUser(t *testing.T) {
	beginAlone(t)
	chown(t, socketDirectory, stranger)
	expectRefusal(t, "/run/wireguard belongs to user 12345")
}

func TestOpenRefusesADirectoryThatOthersCanWrite(t *testing.T) {
	beginAlone(t)
	for _, mode := range []os.FileMode{0o775, 0o757, 0o777 | os.ModeSticky} {
		chmod(t, socketDirectory, mode)
		expectRefusal(t, "/run/wireguard may be written by others")
	}
}

// place makes a directory that stands for /run.
func place(t *testing.T) string {
	t.Helper()
	testbed.RequireSandbox(t)
	run, err := os.MkdirTemp("/run", "uapi-trust")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	return run
}

func TestADirectoryIsTrustedOnlyIfItsWholePathIs(t *testing.T) {
	for title, test := range map[string]struct {
		prepare func(t *testing.T, run string)
		why     string // "" for a trusted one
	}{
		"of root":                    {func(t *testing.T, run string) { chmod(t, run, 0o755) }, ""},
		"in a sticky one":            {func(t *testing.T, run string) { chmod(t, run, 0o777|os.ModeSticky) }, ""},
		"in one that others write":   {func(t *testing.T, run string) { chmod(t, run, 0o777) }, "may be written by others (mode 0777)"},
		"in one of its group":        {func(t *testing.T, run string) { chmod(t, run, 0o775) }, "may be written by others (mode 0775)"},
		"in one of another user":     {func(t *testing.T, run string) { chown(t, run, stranger) }, "belongs to user 12345"},
		"behind root's link":         {func(t *testing.T, run string) { link(t, run) }, ""},
		"behind another user's":      {func(t *testing.T, run string) { link(t, run); chown(t, run+"/wireguard", stranger) }, "the symbolic link /run/uapi-trust"},
		"behind a link to another's": {func(t *testing.T, run string) { link(t, run); chown(t, run+"/target", stranger) }, "/target belongs to user 12345"},
		"behind a link to itself":    {func(t *testing.T, run string) { loop(t, run) }, "too many levels of symbolic links"},
	} {
		t.Run(title, func(t *testing.T) {
			run := place(t)
			directory := filepath.Join(run, "wireguard")
			if err := os.Mkdir(directory, 0o755); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, run)
			err := checkDirectory(directory)
			if test.why == "" && err != nil || test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)) {
				t.Errorf("checkDirectory = %v, want %q", err, test.why)
			}
		})
	}
}

// link moves run's directory away and leaves a relative link to it.
func link(t *testing.T, run string) {
	t.Helper()
	if err := errors.Join(os.Rename(run+"/wireguard", run+"/target"), os.Symlink("../"+filepath.Base(run)+"/target", run+"/wireguard")); err != nil {
		t.Fatal(err)
	}
}

func loop(t *testing.T, run string) {
	t.Helper()
	if err := errors.Join(os.Remove(run+"/wireguard"), os.Symlink("wireguard", run+"/wireguard")); err != nil {
		t.Fatal(err)
	}
}

// serveVariable makes the test program serve the socket whose path it holds, and nothing else.
const serveVariable = "WG_BRIDGE_TEST_SERVE"

func TestMain(m *testing.M) {
	if path := os.Getenv(serveVariable); path != "" {
		serve(path)
		return
	}
	os.Exit(m.Run())
}

func serve(path string) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test ends it
}

func TestOpenRefusesASocketThatAnotherUserServes(t *testing.T) {
	beginAlone(t)
	chown(t, socketDirectory, stranger) // as it was before somebody took it back
	// A copy, since the test binary's own directory may be closed to others.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(place(t), "program")
	testbed.Run(t, "cp", self, copied)
	chmod(t, filepath.Dir(copied), 0o755)
	program := exec.Command(copied)
	program.Dir = "/"
	program.Env = append(os.Environ(), serveVariable+"="+Path(name))
	program.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(stdin.Close(), program.Wait(), os.RemoveAll(Path(name))) }()
	said := make([]byte, 6)
	if n, err := stdout.Read(said); string(said[:n]) != "ready\n" {
		t.Fatalf("%q, %v", said[:n], err)
	}
	chown(t, socketDirectory, 0)
	expectRefusal(t, "of user 12345, who is neither root nor this user")
}

package uapi

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wg-bridge/go/testbed"
)

const name = "wgu0"

func open(t *testing.T) *os.File {
	t.Helper()
	file, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func listen(t *testing.T) *Listener {
	t.Helper()
	listener, err := Listen(name, open(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener
}

// leaveDeadSocket binds the path and closes the socket without removing the path, as a killed program does.
func leaveDeadSocket(t *testing.T) {
	t.Helper()
	if err := open(t).Close(); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T) {
	t.Helper()
	testbed.RequireSandbox(t)
	if err := os.MkdirAll(socketDirectory, 0o755); err != nil {
		t.Fatal(err)
	}
	testbed.CheckLeaks(t, "wgu")
}

func TestOnlyTheOwnerMayUseTheSocketWhateverTheUmaskIs(t *testing.T) {
	begin(t)
	old := unix.Umask(0)
	defer unix.Umask(old)
	listen(t)
	if now := unix.Umask(0); now != 0 {
		t.Errorf("the process's umask is now %o", now)
	}
	found, err := os.Stat(Path(name))
	if err != nil || found.Mode().Perm() != 0o600 {
		t.Errorf("socket %v, %v; want mode 0600", found.Mode(), err)
	}
	if directory, err := os.Stat(socketDirectory); err != nil || directory.Mode().Perm() != 0o755 {
		t.Errorf("directory %v, %v; want mode 0755", directory.Mode(), err)
	}
}

func TestALiveSocketIsInUseAndStays(t *testing.T) {
	begin(t)
	listener := listen(t)
	if _, err := Open(name); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Open = %v, want EADDRINUSE", err)
	}
	select {
	case <-listener.Removed():
		t.Error("the live socket was removed")
	default:
	}
}

func TestADeadSocketIsReplaced(t *testing.T) {
	begin(t)
	leaveDeadSocket(t)
	listen(t)
	connection, err := net.Dial("unix", Path(name))
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()
}

func TestOpenWaitsForASocketWhoseOwnerIsExiting(t *testing.T) {
	begin(t)
	first := listen(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		connection, err := first.Accept() // the successor connects
		if err == nil {
			_ = first.Close()
			_ = connection.Close()
		}
		for err == nil {
			connection, err = first.Accept()
			if err == nil {
				_ = connection.Close()
			}
		}
	}()
	listen(t)
	testbed.Wait(t, ended, "the end of the one before")
}

func TestCloseRemovesTheSocketButNotASuccessors(t *testing.T) {
	begin(t)
	first := listen(t)
	if err := os.Remove(Path(name)); err != nil {
		t.Fatal(err)
	}
	listen(t)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(Path(name)); err != nil {
		t.Errorf("the successor's socket is gone: %v", err)
	}
}

func TestARemovedSocketIsNoticed(t *testing.T) {
	begin(t)
	listener := listen(t)
	waitUntilWatching(t)
	if err := os.Remove(Path(name)); err != nil {
		t.Fatal(err)
	}
	testbed.Wait(t, listener.Removed(), "the removal")
}

// waitUntilWatching returns once the listener has checked the path and waits for inotify.
func waitUntilWatching(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<16)
	for range 10_000 {
		for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(stack, "[IO wait") && strings.Contains(stack, "waitForRemoval") {
				return
			}
		}
		runtime.Gosched()
	}
	t.Fatal("the socket is not watched")
}

func TestAReplacedSocketCountsAsRemoved(t *testing.T) {
	begin(t)
	listener := listen(t)
	waitUntilWatching(t)
	other, err := Open("wgu1")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	defer os.Remove(Path(name))
	if err := os.Rename(Path("wgu1"), Path(name)); err != nil { // in one step: the path is never missing
		t.Fatal(err)
	}
	testbed.Wait(t, listener.Removed(), "the removal")
}

func TestAFileThatIsNotASocketIsRefusedAndClosed(t *testing.T) {
	begin(t)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(name, file); err == nil {
		t.Error("Listen accepted /dev/null")
	}
}

func TestDiscardRemovesTheSocket(t *testing.T) {
	begin(t)
	if err := Discard(name, open(t)); err != nil {
		t.Error(err)
	}
}

func TestListenLeavesNoPathIfItFails(t *testing.T) {
	begin(t)
	const descriptor = 730
	file := open(t)
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	testbed.Descriptor(t, fd, descriptor)
	testbed.Refuse(t, unix.EMFILE, unix.SYS_FCNTL, testbed.Argument{Index: 0, Value: descriptor},
		testbed.Argument{Index: 1, Value: unix.F_DUPFD_CLOEXEC})
	if _, err := Listen(name, os.NewFile(descriptor, name)); !errors.Is(err, unix.EMFILE) {
		t.Errorf("Listen = %v, want EMFILE", err)
	}
}

func TestAFileThatIsNotTheSocketOfAPathDoesNotRemoveIt(t *testing.T) {
	begin(t)
	listener := listen(t)
	for _, discard := range []func(*os.File) error{
		func(file *os.File) error { _, err := Listen(name, file); return err },
		func(file *os.File) error { return Discard(name, file) },
	} {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		_ = discard(file) // Listen fails, Discard does not
		if _, err := identify(listener.path); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsNotASocketIsNamedAndStays(t *testing.T) {
	begin(t)
	other, err := Open("wgu1")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(Path("wgu1"))
	defer other.Close()
	path := Path(name)
	for what, create := range map[string]func() error{
		"symbolic link":             func() error { return os.Symlink("/nowhere/at/all", path) },
		"a symbolic link is":        func() error { return os.Symlink(Path("wgu1"), path) },
		"file that is not a socket": func() error { return os.WriteFile(path, []byte("mine"), 0o600) },
		"directory":                 func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := create(); err != nil {
			t.Fatal(err)
		}
		before, err := identify(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(name); !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: Open = %v", what, err)
		}
		if after, err := identify(path); after != before || err != nil {
			t.Errorf("%s: it is gone, %v", what, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARemovedSocketIsNoticedWithoutInotify(t *testing.T) {
	begin(t)
	file := open(t)
	defer file.Close()
	const descriptor = 731
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Descriptor(t, fd, descriptor)
	testbed.Refuse(t, unix.EIO, unix.SYS_READ, testbed.Argument{Index: 0, Value: descriptor})
	l := &Listener{path: Path(name), watch: os.NewFile(descriptor, "inotify"), closing: make(chan struct{}), removed: make(chan struct{})}
	defer l.watch.Close()
	if l.identity, err = identify(l.path); err != nil {
		t.Fatal(err)
	}
	l.watching.Go(l.waitForRemoval)
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	testbed.Wait(t, l.Removed(), "the removal")
	l.watching.Wait()
}

func TestASocketWhoseQueueIsFullIsInUse(t *testing.T) {
	begin(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	defer os.Remove(Path(name))
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: Path(name)}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	const max = 10 // connections that the kernel queues, with a backlog of 0
	for range max {
		var connection net.Conn
		if connection, err = net.Dial("unix", Path(name)); err != nil {
			break
		}
		defer connection.Close()
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatalf("the queue is not full: %v", err)
	}
	if _, err := Open(name); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Open = %v, want EADDRINUSE", err)
	}
}

func TestARemovedSocketIsNoticedIfTheKernelOrASandboxHasNoInotify(t *testing.T) {
	begin(t)
	file := open(t)
	done := make(chan error)
	var l *Listener
	go func() {
		runtime.LockOSThread() // Never unlocked: the filter ends with the thread.
		err := testbed.RefuseOnThread(unix.ENOSYS, unix.SYS_INOTIFY_INIT1)
		if err == nil {
			l, err = Listen(name, file)
		}
		done <- err
	}()
	if err := testbed.Wait(t, done, "Listen"); err != nil {
		t.Fatal(err)
	}
	if err := l.Unwatched(); !errors.Is(err, unix.ENOSYS) {
		t.Errorf("Unwatched = %v, want ENOSYS", err)
	}
	if err := os.Remove(Path(name)); err != nil {
		t.Fatal(err)
	}
	testbed.Wait(t, l.Removed(), "the removal")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestADirectoryThatCannotBeWrittenOrMadeIsADirectoryError(t *testing.T) {
	begin(t)
	for title, test := range map[string]struct {
		cripple func() error
		want    unix.Errno
	}{
		"read-only socket directory": {func() error {
			return unix.Mount("tmpfs", socketDirectory, "tmpfs", unix.MS_RDONLY, "mode=755")
		}, unix.EROFS},
		"read-only /run": {func() error { return unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_RDONLY, "mode=755") }, unix.EROFS},
		"a file": {func() error {
			err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
			return errors.Join(err, os.WriteFile("/run/wireguard", nil, 0o644))
		}, unix.ENOTDIR},
		"a link to nowhere": {func() error {
			err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
			return errors.Join(err, os.Symlink("/nowhere/at/all", "/run/wireguard"))
		}, unix.EEXIST},
	} {
		t.Run(title, func(t *testing.T) {
			opened := make(chan error)
			go func() {
				runtime.LockOSThread() // Never unlocked: the mounts end with the thread.
				err := errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), test.cripple())
				if err == nil {
					_, err = Open(name)
				}
				opened <- err
			}()
			err := testbed.Wait(t, opened, "Open")
			var directory *DirectoryError
			if !errors.As(err, &directory) || !errors.Is(err, test.want) {
				t.Errorf("Open = %v, want a DirectoryError of %v", err, test.want)
			}
		})
	}
}

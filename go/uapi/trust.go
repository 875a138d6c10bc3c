package uapi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"wg-bridge/go/pollable"
)

// maxLinks is how many symbolic links the kernel follows in a path. Source: path_resolution(7).
const maxLinks = 40

// writableByOthers holds the mode bits that let group or others write.
const writableByOthers = 0o022

// ErrUntrusted says that a user other than root and this process's own could be given private keys. It wraps EPERM.
var ErrUntrusted = fmt.Errorf("not trusted: %w", unix.EPERM)

// checkDirectory returns an error that wraps ErrUntrusted if a user other than root and this process's own could serve
// sockets in directory. A directory that it accepts stays safe without a lock: it walks down from the root directory,
// and at each step only trusted users can replace what it has inspected.
func checkDirectory(directory string) error {
	var root unix.Stat_t
	if err := unix.Lstat("/", &root); err != nil {
		return os.NewSyscallError("lstat", err)
	}
	self := uint32(os.Geteuid())
	at, rest := "/", elements(directory)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		var stat unix.Stat_t
		if err := unix.Lstat(next, &stat); err != nil {
			return fmt.Errorf("inspecting %s: %w", next, err)
		}
		isLink, isLast := stat.Mode&unix.S_IFMT == unix.S_IFLNK, len(rest) == 0
		owned := stat.Uid == 0 || stat.Uid == self
		// The owner of the root directory can replace everything below it anyway, so trusting them costs nothing,
		// except for the sockets' directory itself. In a user namespace that owner often has no user ID of its own.
		if !owned && (isLast && !isLink || stat.Uid != root.Uid) {
			return untrusted(directory, next, fmt.Sprintf("belongs to user %d", stat.Uid), isLink)
		}
		if isLink {
			if links++; links > maxLinks {
				return fmt.Errorf("inspecting %s: %w", next, unix.ELOOP)
			}
			target, err := os.Readlink(next)
			if err != nil {
				return err
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(elements(target), rest...)
			continue
		}
		// In a sticky directory others cannot rename what is not theirs, but they can add to it.
		sticky := stat.Mode&unix.S_ISVTX != 0
		if stat.Mode&writableByOthers != 0 && (isLast || !sticky) {
			return untrusted(directory, next, fmt.Sprintf("may be written by others (mode %#o)", stat.Mode&0o7777), false)
		}
		at = next
	}
	return nil
}

// elements splits a path at its slashes.
func elements(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func untrusted(directory, path, why string, isLink bool) error {
	kind := "directory"
	if isLink {
		kind = "symbolic link"
	}
	return fmt.Errorf("the %s %s %s, so another user could serve %s and be given private keys: %w",
		kind, path, why, directory, ErrUntrusted)
}

// dial connects to the UAPI socket at path. The error wraps ErrUntrusted if the program that listens there runs as neither
// root nor this user.
func dial(path string) (net.Conn, error) {
	connection, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	if err := checkServer(connection, path); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
}

func checkServer(connection net.Conn, path string) error {
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	err = pollable.Control(raw, func(fd int) (err error) {
		peer, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return os.NewSyscallError("getsockopt", err)
	})
	if err != nil {
		return err
	}
	if peer.Uid == 0 || peer.Uid == uint32(os.Geteuid()) {
		return nil
	}
	return fmt.Errorf("UAPI socket %s is served by process %d of user %d, who is neither root nor this user: %w",
		path, peer.Pid, peer.Uid, ErrUntrusted)
}

package soak

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNamespace calls f on a thread that is in the network namespace called name, and ends with the call.
func inNamespace[T any](name string, f func() (T, error)) (result T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Never unlocked: no other goroutine may get a thread that is elsewhere.
		if err = enter(name); err == nil {
			result, err = f()
		}
	}()
	<-done
	return result, err
}

func enter(name string) error {
	fd, err := unix.Open("/run/netns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the network namespace %s: %w", name, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network namespace %s: %w", name, err)
	}
	return nil
}

// Command wireguard_go_bridge is built as a C shared library, wireguard_go_bridge.so: tunnels for a
// program that is not written in Go. wireguard_go_bridge.h is its documentation.
package main

// #cgo LDFLAGS: -Wl,--wrap=pthread_create -Wl,--wrap=pthread_getattr_np
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"wg-bridge/go/tunnel"
)

// abiVersion is that of the functions below, by the rules of semver.org: a caller that knows 1.x
// works with any later 1.y.
const abiVersion = "1.4.0"

// bridge is the one piece of state that the C functions share; C has nowhere else to keep it.
var bridge = newLibrary()

// Go's runtime makes its poller with the first timer or file, and ends the process if it finds no descriptor for
// it. It is to do so when the library is loaded, which a caller can prepare for, and not in some later call.
func init() { time.AfterFunc(0, func() {}) }

func main() {} // -buildmode=c-shared wants one

//export goRun
func goRun(name *C.char, logLevel C.int) C.int {
	return C.int(bridge.run(C.GoString(name), tunnel.Level(logLevel)))
}

//export goAbiVersion
func goAbiVersion(buffer *C.char, size C.int) C.int {
	return C.int(guard(&bridge.lastFailed, func() (int, error) { return fill(buffer, size, abiVersion) }))
}

//export goNew
func goNew() C.int {
	return C.int(guard(&bridge.lastFailed, func() (int, error) { return bridge.newHandle(), nil }))
}

//export goDisable
func goDisable(id C.int, features *C.char) C.int {
	if features == nil {
		return C.int(bridge.call(int(id), missing))
	}
	names := C.GoString(features)
	return C.int(bridge.call(int(id), func(h *handle) (int, error) { return 0, h.disable(names) }))
}

//export goOpen
func goOpen(id C.int, name *C.char, mtu, logLevel, tunFd, uapiFd C.int) C.int {
	// Without a name it goes on with an empty one, which is refused: the descriptors are ours all the same.
	return C.int(bridge.open(int(id), C.GoString(name), int(mtu), tunnel.Level(logLevel), int(tunFd), int(uapiFd)))
}

//export goOpenUserspace
func goOpenUserspace(id C.int, stationPath *C.char, mtu, logLevel C.int) C.int {
	if stationPath == nil {
		return C.int(bridge.call(int(id), missing))
	}
	path := C.GoString(stationPath)
	return C.int(bridge.call(int(id), func(h *handle) (int, error) {
		return 0, h.openUserspace(path, int(mtu), tunnel.Level(logLevel))
	}))
}

//export goName
func goName(id C.int, buffer *C.char, size C.int) C.int {
	return C.int(bridge.call(int(id), func(h *handle) (int, error) {
		t, err := h.opened()
		if err != nil {
			return 0, err
		}
		return fill(buffer, size, t.Name())
	}))
}

//export goExchange
func goExchange(id C.int, request *C.char, requestLength C.int, answer *C.char, size C.int) C.int {
	return C.int(bridge.call(int(id), func(h *handle) (int, error) {
		asked, err := memory(unsafe.Pointer(request), int(requestLength))
		if err != nil {
			return 0, err
		}
		buffer, err := memory(unsafe.Pointer(answer), int(size))
		if err != nil {
			return 0, err
		}
		return h.exchange(asked, buffer)
	}))
}

//export goLogFd
func goLogFd(id C.int) C.int { return C.int(bridge.call(int(id), (*handle).logFd)) }

//export goEndFd
func goEndFd(id C.int) C.int { return C.int(bridge.call(int(id), (*handle).endFd)) }

//export goLastError
func goLastError(id C.int, buffer *C.char, size C.int) C.int {
	return fillFromLast(id, buffer, size, func(last failure) string { return last.fact })
}

//export goLastCode
func goLastCode(id C.int, buffer *C.char, size C.int) C.int {
	return fillFromLast(id, buffer, size, func(last failure) string { return string(last.code) })
}

//export goLastErrno
func goLastErrno(id C.int) C.int {
	last, err := lastFailureOf(id)
	if err != nil {
		return C.int(code(err))
	}
	return C.int(last.errno)
}

// fillFromLast does not use call: a small buffer must not replace the failure that is asked for.
func fillFromLast(id C.int, buffer *C.char, size C.int, text func(failure) string) C.int {
	last, err := lastFailureOf(id)
	if err != nil {
		return C.int(code(err))
	}
	n, err := fill(buffer, size, text(last))
	if err != nil {
		return C.int(code(err))
	}
	return C.int(n)
}

func lastFailureOf(id C.int) (failure, error) {
	if id == 0 {
		return bridge.lastFailed.get(), nil
	}
	h, err := bridge.find(int(id))
	if err != nil {
		return failure{}, err
	}
	return h.lastFailed.get(), nil
}

//export goClose
func goClose(id C.int) C.int { return C.int(bridge.closeHandle(int(id))) }

//export goGoroutines
func goGoroutines() C.int { return C.int(runtime.NumGoroutine()) }

// fill copies text and a final NUL into the caller's buffer and returns the length without the NUL.
func fill(buffer *C.char, size C.int, text string) (int, error) {
	into, err := memory(unsafe.Pointer(buffer), int(size))
	if err != nil {
		return 0, err
	}
	if len(text) >= len(into) {
		return 0, fmt.Errorf("a buffer of %d bytes is too small for %d: %w", len(into), len(text)+1, unix.ERANGE)
	}
	into[copy(into, text)] = 0
	return len(text), nil
}

// memory shows the caller's memory as a slice, for as long as the call lasts.
func memory(start unsafe.Pointer, size int) ([]byte, error) {
	if start == nil || size <= 0 {
		return nil, fmt.Errorf("a buffer must have an address and a size of 1 byte or more, not %d: %w", size, unix.EINVAL)
	}
	return unsafe.Slice((*byte)(start), size), nil
}

func missing(*handle) (int, error) {
	return 0, fmt.Errorf("a string is missing, its pointer is NULL: %w", unix.EINVAL)
}

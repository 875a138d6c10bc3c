package udp

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// scope is the interface index that the zone of the destination means where the socket is, or 0
// without a zone. The error is that there is no such interface.
//
// A zone that a person gave is a name or an index, and is read as getaddrinfo(3) does: as a name first,
// since an interface may be called 100. It is looked up each time: an interface that comes again has
// another index.
func (e *Endpoint) scope(s *socket) (uint32, error) {
	zone := e.destination.Addr().Zone()
	if zone == "" || e.ifindex != 0 {
		return e.ifindex, nil
	}
	ifindex, err := s.interfaceByName(zone)
	if !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EINVAL) {
		return ifindex, err
	}
	if number, notANumber := strconv.ParseUint(zone, 10, 32); notANumber == nil {
		return uint32(number), nil
	}
	return 0, fmt.Errorf("there is no interface %q: %w", zone, err)
}

// interfaceByName is if_nametoindex(3) in the socket's network namespace, which the calling thread may
// not be in. The error is ENODEV without such an interface, and EINVAL for what is no name.
func (s *socket) interfaceByName(name string) (ifindex uint32, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	err = control(s.raw, func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request) })
	return request.Uint32(), err
}

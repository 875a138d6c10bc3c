package status

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

var exists = &Failure{
	Code: InterfaceExists,
	Task: "Failed to create TUN device",
	Err:  fmt.Errorf("interface wg0 exists already: %w", unix.EBUSY),
}

func TestAFailureHasItsTaskInALogAndNotInItsFact(t *testing.T) {
	if text := exists.Error(); text != "Failed to create TUN device: interface wg0 exists already: device or resource busy" {
		t.Errorf("Error = %q", text)
	}
	outer := &Failure{Code: InterfaceExists, Task: "running in the background", Err: errors.Join(exists)}
	for _, err := range []error{exists, outer} {
		if fact := FactOf(err); fact != "interface wg0 exists already: device or resource busy" {
			t.Errorf("FactOf(%q) = %q", err, fact)
		}
	}
}

func TestEachLineHasItsGrammar(t *testing.T) {
	for want, line := range map[string]string{
		"ready wg0": Ready("wg0"),
		"WG_BRIDGE_INTERFACE_EXISTS 16: interface wg0 exists already: device or resource busy": Failed(exists),
		"WG_BRIDGE_ENGINE 5: one; two":                         Failed(errors.Join(errors.New("one"), errors.New("two"))),
		"WG_BRIDGE_RESOURCES 24: opening: too many open files": Failed(fmt.Errorf("opening: %w", unix.EMFILE)),
		"closed":       Ended("closed", nil),
		"closed: a; b": Ended("closed", errors.New("a\nb")),
	} {
		if line != want {
			t.Errorf("%q, want %q", line, want)
		}
	}
}

func TestALineOfAnotherProcessGivesTheSameFailure(t *testing.T) {
	wrapped := fmt.Errorf("starting: %w", exists)
	for _, err := range []error{exists, wrapped, errors.New("nobody knows"), unix.EPERM} {
		_, parsed := ParseStart(Failed(err))
		if parsed == nil || Failed(parsed) != Failed(err) || !errors.Is(parsed, ErrnoOf(err)) {
			t.Errorf("%q became %q", Failed(err), parsed)
		}
	}
}

func TestALineThatIsReadyGivesTheName(t *testing.T) {
	if name, err := ParseStart(Ready("wg0")); name != "wg0" || err != nil {
		t.Errorf("ParseStart = %q, %v", name, err)
	}
	for _, line := range []string{"", "readywg0", "closed", "WG_BRIDGE_ENGINE: no errno", "WG_BRIDGE_ENGINE 12345: too long"} {
		if name, err := ParseStart(line); name != "" || CodeOf(err) != Engine || FactOf(err) != line {
			t.Errorf("ParseStart(%q) = %q, %v", line, name, err)
		}
	}
}

//go:build !race

// What takes too long with the race detector on a busy machine.

package station

import "testing"

func TestLoadOfAThousandStreamsAtOnce(t *testing.T) { openAtOnce(t, 1000) }

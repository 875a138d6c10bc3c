package udp

import "testing"

func TestOnlyMessagesThatCarryDataCount(t *testing.T) {
	data, keepalive, initiation := make([]byte, 48), make([]byte, 32), make([]byte, 148)
	data[0], keepalive[0], initiation[0] = 4, 4, 1
	if got := dataPackets([][]byte{data, keepalive, initiation, nil, {4}, data}); got != 2 {
		t.Errorf("%d packets, want 2", got)
	}
}

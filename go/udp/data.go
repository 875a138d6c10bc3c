package udp

import "encoding/binary"

// carriesData reports whether a packet is a transport data message (type 4 of WireGuard's paper,
// section 5.4.6) that is longer than a keepalive, whose payload is empty. All others begin or end in
// the engine.
func carriesData(packet []byte) bool {
	const transportData, keepalive = 4, 32
	return len(packet) > keepalive && binary.LittleEndian.Uint32(packet) == transportData
}

// dataPackets counts the packets that carry data.
func dataPackets(packets [][]byte) int {
	count := 0
	for _, packet := range packets {
		if carriesData(packet) {
			count++
		}
	}
	return count
}

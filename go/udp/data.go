package udp

import "encoding/binary"

// dataPackets counts the packets that carry data: transport data messages (type 4 of WireGuard's
// paper, section 5.4.6) that are longer than a keepalive, whose payload is empty. All others begin or
// end in the engine.
func dataPackets(packets [][]byte) int {
	const transportData, keepalive = 4, 32
	count := 0
	for _, packet := range packets {
		if len(packet) > keepalive && binary.LittleEndian.Uint32(packet) == transportData {
			count++
		}
	}
	return count
}

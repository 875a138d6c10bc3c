package inet

// A TCPOption is the kind of a TCP option.
type TCPOption byte

const (
	TCPOptionEnd        TCPOption = 0 // RFC 9293
	TCPOptionNothing    TCPOption = 1
	TCPOptionSACK       TCPOption = 5 // RFC 2018: blocks of 8 bytes
	TCPOptionTimestamps TCPOption = 8 // RFC 7323: the sender's and the one that it echoes, of 4 bytes each
)

// TCPOptionOf returns what the first option of a kind says, among the options of a TCP header.
func TCPOptionOf(kind TCPOption, options []byte) (value []byte, ok bool) {
	option := findTCPOption(kind, options)
	if option == nil {
		return nil, false
	}
	return option[2:], true
}

// EraseTCPOption puts options that say nothing in the place of the first one of a kind.
func EraseTCPOption(kind TCPOption, options []byte) {
	option := findTCPOption(kind, options)
	for i := range option {
		option[i] = byte(TCPOptionNothing)
	}
}

// findTCPOption returns the first option of a kind, with its kind and length, or nil.
func findTCPOption(kind TCPOption, options []byte) []byte {
	for len(options) > 0 {
		switch TCPOption(options[0]) {
		case TCPOptionEnd:
			return nil
		case TCPOptionNothing:
			options = options[1:]
			continue
		}
		if len(options) < 2 || options[1] < 2 || int(options[1]) > len(options) {
			return nil
		}
		option := options[:options[1]]
		if TCPOption(option[0]) == kind {
			return option
		}
		options = options[len(option):]
	}
	return nil
}

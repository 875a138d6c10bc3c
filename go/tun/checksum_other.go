//go:build !amd64

package tun

func (s sum) addBlocks(b []byte) (sum, []byte) { return s, b }

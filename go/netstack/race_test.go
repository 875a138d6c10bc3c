//go:build race

package netstack

// scale divides the sizes of what tests send: the race detector makes all of it much slower.
const scale = 10

// Package protect stands in for suah.dev/protect, which no module proxy has. On Linux its functions do nothing.
package protect

// Pledge restricts the process's system calls on OpenBSD.
func Pledge(string) error { return nil }

// Unveil restricts what of the file system the process sees on OpenBSD.
func Unveil(string, string) error { return nil }

// UnveilBlock ends the calls of Unveil on OpenBSD.
func UnveilBlock() error { return nil }

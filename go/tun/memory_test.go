package tun

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// pieceBytes is what a piece of a writev points at.
func pieceBytes(piece unix.Iovec) []byte { return unsafe.Slice(piece.Base, piece.Len) }

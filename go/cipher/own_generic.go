//go:build !gc || purego

package cipher

// nameOfOwn returns "generic": x/crypto is built without its assembly.
func nameOfOwn() string { return generic }

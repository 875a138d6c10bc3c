// Command generate writes aead_amd64.s: ChaCha20-Poly1305 for processors with AVX-512 and IFMA.
//
//	go run . [-check]
//
// It runs in its own directory. With -check it writes nothing, and fails if the file is not what it would write.
// docs/aead.md describes what the assembly does.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

const file = "../aead_amd64.s"

func main() {
	check := flag.Bool("check", false, "fail if the file is not what this program would write")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check bool) error {
	assembly, err := generate()
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(file, assembly, 0o644)
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, assembly) {
		return fmt.Errorf("%s is not what go/aead/generate makes: run `go -C go/aead/generate run .`, and commit the result", file)
	}
	return nil
}

// generate returns the text of the assembly.
func generate() ([]byte, error) {
	context := build.NewContext()
	context.ConstraintExpr("gc,!purego")
	a := &assembly{Context: context}
	a.constants()
	a.seal()
	a.open()
	result, err := context.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(result); err != nil {
		return nil, err
	}
	config := printer.Config{Name: "go/aead/generate", Pkg: "aead"}
	return printer.NewGoAsm(config).Print(result)
}

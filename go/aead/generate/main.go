// Command generate writes the assembly of ChaCha20-Poly1305 for processors with AVX-512 and IFMA.
//
//	go run . [-check]
//
// It runs in its own directory. With -check it writes nothing, and fails if a file is not what it would write.
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

// files are what it writes, and the functions in each.
var files = []struct {
	path      string
	functions func(*assembly)
}{
	{"../aead_amd64.s", func(a *assembly) { a.seal(); a.open() }},
	{"../poly1305/poly1305_amd64.s", (*assembly).sum},
}

func main() {
	check := flag.Bool("check", false, "fail if a file is not what this program would write")
	flag.Parse()
	for _, file := range files {
		if err := run(file.path, file.functions, *check); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(path string, functions func(*assembly), check bool) error {
	generated, err := generate(functions)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(path, generated, 0o644)
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, generated) {
		return fmt.Errorf("%s is not what go/aead/generate makes: run `go run -C go/aead/generate .` and commit the result", path)
	}
	return nil
}

// generate returns the text of a file with some functions.
func generate(functions func(*assembly)) ([]byte, error) {
	context := build.NewContext()
	context.ConstraintExpr("gc,!purego")
	a := &assembly{Context: context}
	a.constants()
	functions(a)
	result, err := context.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(result); err != nil {
		return nil, err
	}
	return printer.NewGoAsm(printer.Config{Name: "go/aead/generate"}).Print(result)
}

package foreground

import (
	"bufio"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestALogThatIsNotReadIsDroppedAndCounted(t *testing.T) {
	reader, to := io.Pipe() // without room for anything
	w := &PatientWriter{to: to, patience: time.Millisecond}
	for _, line := range []string{"first\n", "second\n", "third\n"} {
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("%q: %d, %v", line, n, err)
		}
	}
	lines := bufio.NewReader(reader)
	if line, err := lines.ReadString('\n'); line != "first\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	w.patience = time.Hour
	w.mu.Lock()
	late := w.late
	w.mu.Unlock()
	done := make(chan error, 1)
	done <- <-late // It is done now, which Write is to find.
	w.late = done
	go func() { _, _ = w.Write([]byte("fourth\n")) }()
	var read strings.Builder
	for range 2 {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		read.WriteString(line)
	}
	if want := "ERROR: 2 log lines dropped: they were not read fast enough\nfourth\n"; read.String() != want {
		t.Errorf("%q, want %q", read.String(), want)
	}
}

func TestALogThatIsReadIsWhole(t *testing.T) {
	reader, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w := NewPatientWriter(to)
	go func() {
		for range 1000 {
			_, _ = w.Write([]byte("line\n"))
		}
		_ = to.Close()
	}()
	all, err := io.ReadAll(reader)
	if err != nil || string(all) != strings.Repeat("line\n", 1000) {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	if _, err := w.Write([]byte("after\n")); err == nil {
		t.Error("a write that fails gives no error")
	}
}

package foreground

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// patience is how long a log line waits for a reader that does not read.
const patience = time.Second

// A PatientWriter writes a log to a reader that may stop reading, such as a pager or a stopped process. The tunnel must
// go on meanwhile, and the engine logs while it holds its locks. If a line is not read in time, the next ones are dropped
// and counted until it is. A PatientWriter is safe for concurrent use.
type PatientWriter struct {
	to       io.Writer
	patience time.Duration

	mu      sync.Mutex
	late    <-chan error // gets the result of the write that is not done; nil if there is none
	dropped int
}

// NewPatientWriter returns a writer of whole lines to a file or pipe.
func NewPatientWriter(to io.Writer) *PatientWriter {
	return &PatientWriter{to: to, patience: patience}
}

// Write writes one line. It returns the error of a write that fails in time, and otherwise none.
func (w *PatientWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.late != nil {
		select {
		case <-w.late:
			w.late = nil
		default:
			w.dropped++
			return len(line), nil
		}
	}
	var text []byte // The line is the caller's again when this returns.
	if w.dropped > 0 {
		text = fmt.Appendf(text, "ERROR: %d log lines dropped: they were not read fast enough\n", w.dropped)
		w.dropped = 0
	}
	text = append(text, line...)
	done := make(chan error, 1)
	go func() {
		_, err := w.to.Write(text)
		done <- err
	}()
	timer := time.NewTimer(w.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return len(line), err
	case <-timer.C:
		w.late = done
		return len(line), nil
	}
}

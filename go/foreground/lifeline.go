package foreground

import (
	"io"
	"os"
)

// A lifeline shows when the process that wants the tunnel has ended. Without LifelineFd it is never cut.
type lifeline struct {
	file *os.File
	cut  chan struct{}
}

func (p Process) openLifeline() (*lifeline, error) {
	file, err := p.file(LifelineFd)
	if err != nil {
		return nil, err
	}
	l := &lifeline{file: file, cut: make(chan struct{})}
	if file != nil {
		go func() {
			_, _ = io.Copy(io.Discard, file) // an error is an end as well
			close(l.cut)
		}()
	}
	return l, nil
}

// Cut is closed when the other end is gone.
func (l *lifeline) Cut() <-chan struct{} { return l.cut }

// Close ends the watch.
func (l *lifeline) Close() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
		<-l.cut
	}
}

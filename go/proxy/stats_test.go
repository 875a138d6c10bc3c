package proxy_test

import (
	"sync"
	"testing"

	"wg-bridge/go/proxy"
)

// Those who are turned away come to one proxy all the time, and a client that has a place comes and goes at another.
func TestWhoeverIsTurnedAwayTakesNoPlace(t *testing.T) {
	whole := new(proxy.Stats)
	full, served := proxy.PartOf(whole), proxy.PartOf(whole)
	const turns = 200_000
	stop := make(chan struct{})
	var begun, turnedAway sync.WaitGroup
	begun.Add(2)
	for range 2 {
		turnedAway.Go(func() {
			begin := sync.OnceFunc(begun.Done)
			defer begin()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if full.Admit(0) {
					t.Error("a client has a place where there is none")
					return
				}
				begin()
			}
		})
	}
	begun.Wait()
	for range turns {
		if !served.Admit(1) {
			t.Error("the only client was turned away")
			break
		}
		if served.Admit(1) {
			t.Error("a second client has the place of the first")
			break
		}
		served.Close()
	}
	close(stop)
	turnedAway.Wait()
	if got := served.Snapshot(); got.Accepted != 2*turns || got.Refused != turns || got.Active != 0 {
		t.Errorf("counted %+v", got)
	}
	if got := full.Snapshot(); got.Accepted != got.Refused || got.Active != 0 || whole.Snapshot().Active != 0 {
		t.Errorf("counted %+v", got)
	}
}

package inflight

import (
	"testing"
	"time"
)

func waiting(l *Limit, done chan struct{}) <-chan struct{} {
	returned := make(chan struct{})
	go func() {
		l.Wait(done)
		close(returned)
	}()
	return returned
}

func expect(t *testing.T, returned <-chan struct{}) {
	t.Helper()
	select {
	case <-returned:
	case <-time.After(10 * time.Second):
		t.Fatal("still waiting")
	}
}

func TestNobodyWaitsWhileThereIsRoom(t *testing.T) {
	l := New(2)
	l.Enter(1)
	expect(t, waiting(l, nil))
}

func TestPacketsThatNeverComeOutAreForgotten(t *testing.T) {
	l := New(2)
	for range 100 {
		l.Enter(200)
		expect(t, waiting(l, nil))
	}
}

func TestWaitEndsWhenItsOwnerIsDone(t *testing.T) {
	l := New(1)
	l.checked = time.Now().Add(time.Hour) // Nothing is forgotten.
	l.Enter(1)
	done := make(chan struct{})
	returned := waiting(l, done)
	close(done)
	expect(t, returned)
}

func TestAllWhoWaitGoOnWhenPacketsLeave(t *testing.T) {
	l := New(1)
	l.checked = time.Now().Add(time.Hour)
	l.Enter(3)
	first, second := waiting(l, nil), waiting(l, nil)
	l.Leave(2)
	select {
	case <-first:
		t.Fatal("went on while there was no room")
	case <-second:
		t.Fatal("went on while there was no room")
	default:
	}
	l.Leave(1)
	expect(t, first)
	expect(t, second)
}

func TestPacketsThatComeOutAfterTheyWereForgottenMakeNoRoomOfTheirOwn(t *testing.T) {
	l := New(5)
	l.Enter(5)
	l.Leave(50)
	l.Enter(5)
	if l.hasRoom() {
		t.Error("room for more than the limit")
	}
}

func TestWithoutALimitNothingIsCounted(t *testing.T) {
	var l *Limit
	l.Enter(1)
	l.Leave(1)
	l.Wait(nil)
}

// Package aside makes calls that may not return. It lets a caller go on, and makes no second
// call beside one that it has left alone.
package aside

import (
	"errors"
	"sync"
	"time"
)

// Calls are those that go on. The zero value is ready to use.
type Calls struct{ running sync.Map }

// Do makes a call in a goroutine of its own and returns what it does; or an error, if the
// call is still out at a time (zero: never), has ended its goroutine, or goes on at this
// place from before.
func Do[T any](calls *Calls, place string, until time.Time, call func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	if _, runs := calls.running.LoadOrStore(place, true); runs {
		return none, errors.New("the key source has not returned from the call before")
	}
	answered := make(chan answer, 1)
	go func() {
		a := answer{err: ErrEnded}
		defer func() {
			calls.running.Delete(place)
			answered <- a
		}()
		a.value, a.err = call()
	}()
	late := make(<-chan time.Time)
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case a := <-answered:
		return a.value, a.err
	case <-late:
		return none, errors.New("the key source did not return when its context ended")
	}
}

// ErrEnded is of a call that has ended its goroutine ([runtime.Goexit]).
var ErrEnded = errors.New("the key source ended its goroutine")

// Package aside makes calls that may never return. The caller can go on without such a call,
// and no second call is made while it still runs.
package aside

import (
	"errors"
	"sync"
	"time"
)

// Calls are the calls that still run. The zero value is ready to use.
type Calls struct{ running sync.Map }

// Do makes a call in its own goroutine and returns its result. It returns an error if the
// call has not returned by a time (zero: never), if it has ended its goroutine, or if the
// previous call at this place still runs.
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

// ErrEnded is the error of a call that ended its goroutine ([runtime.Goexit]).
var ErrEnded = errors.New("the key source ended its goroutine")

package aside_test

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify/internal/aside"
)

func TestDo(t *testing.T) {
	failure := errors.New("failure")
	for name, row := range map[string]struct {
		call func() (int, error)
		want string
	}{
		"a value":               {func() (int, error) { return 7, nil }, ""},
		"an error":              {func() (int, error) { return 7, failure }, "failure"},
		"just in time":          {func() (int, error) { time.Sleep(time.Second - 1); return 7, nil }, ""},
		"too late":              {func() (int, error) { time.Sleep(time.Second + 1); return 7, nil }, "the key source did not return when its context ended"},
		"a goroutine that ends": {func() (int, error) { runtime.Goexit(); return 7, nil }, "the key source ended its goroutine"},
	} {
		synctest.Test(t, func(t *testing.T) {
			value, err := aside.Do(new(aside.Calls), "x", time.Now().Add(time.Second), row.call)
			if row.want == "" && (value != 7 || err != nil) || row.want != "" && (err == nil || err.Error() != row.want) {
				t.Errorf("%s: got %d, %v", name, value, err)
			}
			time.Sleep(time.Minute)
		})
	}
}

func TestNoSecondCallBesideOneThatIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls aside.Calls
		release := make(chan struct{})
		out := func() (int, error) { <-release; return 0, nil }
		if _, err := aside.Do(&calls, "x", time.Now().Add(time.Second), out); err == nil {
			t.Error("a call that is out has returned")
		}
		in := func() (int, error) { return 7, nil }
		if _, err := aside.Do(&calls, "x", time.Time{}, in); err == nil || err.Error() != "the key source has not returned from the call before" {
			t.Errorf("a second call: %v", err)
		}
		if value, err := aside.Do(&calls, "y", time.Time{}, in); value != 7 || err != nil {
			t.Errorf("another place: %d, %v", value, err)
		}
		close(release)
		synctest.Wait()
		if value, err := aside.Do(&calls, "x", time.Time{}, in); value != 7 || err != nil {
			t.Errorf("after it has returned: %d, %v", value, err)
		}
	})
}

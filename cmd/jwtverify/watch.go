package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/screen"
)

const watchUsage = `  jwtverify watch --issuer https://tenant.example.com --every 30s
  jwtverify watch --issuer https://tenant.example.com --count 60 --json

Asks for the keys each minute. Prints a line when a key appears, vanishes, changes under
the same kid or stops being usable, when all keys are replaced at once, when an answer out
of a cache or the certificate of the server is about to expire, when the keys become
unavailable, and when they are back. To rehearse a rotation, rotate while it runs.

With --json each line is an object with time, code, found and next.

Exit codes, with --count or stopped by SIGTERM: 0 all was well, 1 something was found that refuses
good tokens, or will (✗), 2 usage, 3 the keys were unavailable at some time, and no more.
`

// watch is the command of that name.
func (s *session) watch(f *flags) func() (int, error) {
	f.withKeys().withJSON()
	w := &watcher{session: s, advised: make(map[string]bool)}
	f.set.DurationVar(&w.every, "every", time.Minute, "`1m`: time between two requests")
	count := f.set.Uint("count", 0, "`N`: stop after N requests, for cron; without it Ctrl-C stops it")
	return func() (int, error) {
		if w.every < time.Second {
			return 0, errors.New("--every is too short: want 1s or more")
		}
		w.wire, w.json = &wire{network: s.network(f), now: s.now}, f.json
		var err error
		if w.settings, err = s.settings(f, w.wire); err == nil && w.settings.source == nil {
			err = w.settings.noKeys
		}
		if err != nil {
			return 0, err
		}
		return w.run(*count)
	}
}

// run looks until it has looked so often, or until it is stopped.
func (w *watcher) run(count uint) (int, error) {
	ctx, stop := w.untilStopped()
	defer stop()
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for n := uint(1); ctx.Err() == nil; n++ {
		if w.look(ctx); w.err != nil {
			return 0, fmt.Errorf("writing what was found: %w", w.err)
		}
		if n == count {
			break
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	return int(w.verdict), nil
}

// A watcher looks at an issuer again and again, and tells what is new.
type watcher struct {
	*session
	settings settings
	wire     *wire
	every    time.Duration
	json     bool

	keys             []jsonKey // as they were last; nil: there were none yet
	outage           string    // its code; empty: there is none
	since            time.Time // of the outage
	cached, expiring bool      // that an answer or the certificate is about to expire was told
	advised          map[string]bool
	verdict          verdict
	err              error // of writing
}

// look asks for the keys. What an end of ctx cuts off tells nothing.
func (w *watcher) look(ctx context.Context) {
	set := w.settings
	set.source = jwtverify.KeySourceFunc(func(limited context.Context) (*jwtverify.KeySet, error) {
		limited, cancel := context.WithCancel(limited)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return w.settings.source.Keys(limited)
	})
	now, before := set.now(), w.outage
	once, result := retrieve(set)
	retrieval, _ := keysFindings(w.settings.words, once.set, result)
	w.outage = retrieval.Code
	switch {
	case ctx.Err() != nil:
	case retrieval.Status == jwtverify.Fail:
		if before == "" {
			w.since = now
		}
		if w.outage != before {
			w.tell(retrieval)
		}
	default:
		retrieval.Found += ": " + quotedKids(once.set)
		if before != "" {
			retrieval.Found += "; unavailable for " + diagnosis.Rounded(now.Sub(w.since))
		}
		if w.keys == nil || before != "" {
			w.tell(retrieval)
		}
		w.compare(listed(once.set, document(w.settings, w.wire)))
		w.lookAhead(now)
	}
}

// compare tells what is different from the keys of before, and remembers these.
func (w *watcher) compare(keys []jsonKey) {
	old, in := w.keys, slices.ContainsFunc[[]jsonKey]
	if w.keys = keys; old == nil {
		return
	}
	announced, changed := false, make(map[int]bool) // keys of before
	for _, key := range keys {
		text := screen.Quoted(key.KeyID) + ", " + cmp.Or(key.Reason, fmt.Sprintf("%d bits, usable", key.Bits))
		before := slices.IndexFunc(old, key.same)
		other := slices.IndexFunc(old, func(o jsonKey) bool { return o.Usable && o.KeyID == key.KeyID && o.KeyID != "" && !in(keys, o.same) })
		switch {
		case before >= 0 && old[before].Usable == key.Usable:
			announced = announced || key.Usable
		case before >= 0 && !key.Usable:
			w.found("watch-key-unusable", text)
		case before < 0 && other >= 0:
			changed[other] = true
			w.found("watch-key-changed", text)
		default:
			w.found("watch-key-new", text)
		}
	}
	for i, key := range old {
		if !changed[i] && !in(keys, key.same) {
			w.found("watch-key-gone", screen.Quoted(key.KeyID))
		}
	}
	if !announced && len(changed) == 0 {
		w.found("watch-keys-replaced", "no usable key was there before")
	}
}

// lookAhead tells what is about to expire, once while it is so.
func (w *watcher) lookAhead(now time.Time) {
	reply := w.wire.reply()
	answer := fetch.Answer{Header: reply.header}
	fresh, limited := answer.FreshFor()
	cached := limited && answer.Age() > 0 && fresh < w.every
	if cached && !w.cached {
		w.found("watch-cache", fmt.Sprintf("a cache has kept the keys for %v, and may keep them for %v more", answer.Age(), max(fresh, 0)))
	}
	// Two weeks are enough to renew a certificate, and a fifth of the time of one that lives
	// only weeks.
	c := reply.certificate
	expiring := c != nil && c.NotAfter.Sub(now) < min(14*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/5)
	if expiring && !w.expiring {
		w.found("watch-certificate", fmt.Sprintf("that of %s expires %s, in %s", reply.url.Host, c.NotAfter.UTC().Format(time.RFC3339), diagnosis.Rounded(c.NotAfter.Sub(now))))
	}
	w.cached, w.expiring = cached, expiring
}

// found tells a finding of watch itself.
func (w *watcher) found(code, text string) {
	c := jwtverify.Check{Name: keysCheck, Status: jwtverify.Note, Code: code, Found: text, Next: diagnosis.Of(code).For("").ForCommand(), Trusted: true}
	if diagnosis.Of(code).Behind == "watch" {
		c.Status = jwtverify.Fail
		w.verdict = rejected
	}
	w.tell(newFinding(c))
}

// tell writes what was found on a line, and below it, the first time, what to do about it.
func (w *watcher) tell(f finding) {
	if f.Status == jwtverify.Fail && w.verdict == accepted {
		w.verdict = undetermined
	}
	p, now := w.palette(w.stdout), w.now().UTC().Format(time.RFC3339)
	line := now + " " + p.mark(f.Status) + " " + f.Found
	if f.Code != "" {
		line = fmt.Sprintf("%s %s %s: %s (%s)", now, p.mark(f.Status), diagnosis.Of(f.Code).Sentence, f.Found, f.Code)
	}
	if f.Next != "" && !w.advised[f.Next] {
		line += "\n" + strings.Join(details(jwtverify.Check{Next: f.Next}, p, "  "), "\n")
		w.advised[f.Next] = true
	}
	var err error
	if w.json {
		err = writeJSON(w.stdout, jsonEvent{1, "watch", now, newJSONCheck(f)})
	} else {
		_, err = fmt.Fprintln(w.stdout, line)
	}
	w.err = cmp.Or(w.err, err)
}

// A jsonEvent is a line of --json.
type jsonEvent struct {
	Schema  int    `json:"schema"`
	Command string `json:"command"`
	Time    string `json:"time"`
	jsonCheck
}

// same reports whether a kid names the same key in both.
func (k jsonKey) same(other jsonKey) bool {
	return k.KeyID == other.KeyID && k.material == other.material
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A story of servers takes place on this machine, with its network and its clock. The ports
// that it names stand for free ones. Since many of them wait, they go side by side, so that
// none has the working directory for itself: the files that it names stand for those of its own
// directory.

// live is what such a story has in place of a network of its own.
type live struct {
	dir   string
	jobs  []*running        // %1, %2, …
	ports map[string]string // of the story, and those that stand for them: 127.0.0.1:8180
}

func (s *script) isLive() bool { return filepath.Base(s.path) == "servers.txt" }

func TestStoriesOfServers(t *testing.T) {
	t.Parallel()
	for _, s := range toldStories(t) {
		if s.isLive() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.check(t, s.tell(t))
			})
		}
	}
}

func (s *script) tellLive(t *testing.T) []string {
	w := newWorld(t)
	w.live, w.clock = &live{dir: t.TempDir(), ports: make(map[string]string)}, w.started
	return s.tellIn(t, w)
}

// background starts a server, as & does, and returns what it says on stdout.
func (w *world) background(t *testing.T, args []string) string {
	address := ""
	for i := range args {
		if i > 0 && args[i-1] == "--listen" {
			address, args[i] = args[i], "127.0.0.1:0"
		}
	}
	job := start(t, w.env, args...)
	w.live.jobs = append(w.live.jobs, job)
	if address == "" { // a demo, which takes free ports itself
		return job.stdout.find(t, `(?s)^.*\nCtrl-C stops both[^\n]*\n`)[0]
	}
	said := job.stdout.find(t, `(?m)^(?:issuer|api) http://(\S+)  \(.*\n`)
	w.live.ports[address] = said[1]
	return said[0]
}

// logged waits until a server has logged a text.
func (w *world) logged(job, text string) error {
	r, err := w.job(job)
	if err == nil {
		r.stderr.find(r.t, regexp.QuoteMeta(text))
	}
	return err
}

// job is a server, %1 the first.
func (w *world) job(name string) (*running, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "%"))
	if err != nil || w.live == nil || n < 1 || n > len(w.live.jobs) {
		return nil, fmt.Errorf("there is no job %s", name)
	}
	return w.live.jobs[n-1], nil
}

// real is a command with the ports and files that there are.
func (w *world) real(words []string) []string {
	for i := range words {
		if _, err := os.Stat(w.path(words[i])); err == nil {
			words[i] = w.path(words[i])
		}
		for story, port := range w.live.ports {
			if i == 0 || words[i-1] != "--listen" {
				words[i] = strings.ReplaceAll(words[i], story, port)
			}
		}
	}
	return words
}

// settled is an output as a story has it.
func (l *live) settled(text string) string {
	for story, port := range l.ports {
		text = strings.ReplaceAll(text, port, story)
	}
	return instants.ReplaceAllString(text, "2026-11-23T18:32:00Z")
}

var instants = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

// curl is as much of that program as a story needs.
func (w *world) curl(t *testing.T, words []string) string {
	method, url, withStatus := http.MethodGet, "", false
	header := make(http.Header)
	var form []string
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "-s":
		case "-i":
			withStatus = true
		case "-d":
			method, form = http.MethodPost, append(form, words[i+1])
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			i++
		case "--oauth2-bearer":
			header.Set("Authorization", "Bearer "+words[i+1])
			i++
		default:
			url = words[i]
		}
	}
	got := send(t, method, url, strings.Join(form, "&"), header)
	if withStatus {
		return fmt.Sprintf("HTTP/1.1 %d %s\n\n%s\n", got.status, http.StatusText(got.status), got.body)
	}
	return got.body + "\n"
}

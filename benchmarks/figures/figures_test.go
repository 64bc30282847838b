package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/guide"
)

func TestFiguresHold(t *testing.T) {
	var out strings.Builder
	if !small.run(&out) || !strings.Contains(out.String(), "9 of 9 rows hold") {
		t.Errorf("got\n%s", &out)
	}
}

// The measurements must be able to fail: each of these services is wrong in a way of
// its own.
func TestWrongServicesAreFound(t *testing.T) {
	for _, test := range []struct {
		name   string
		newAPI func(jwtverify.Config) handler
		rows   []string // that must not hold
	}{
		{"open", func(jwtverify.Config) handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		}, []string{"cases answered right", "1,000 tokens with forged kids", "issuer hangs", "50 first requests", "one forged token", "token without aud", "20 MB key document"}},
		{"an outage is a bad token", func(config jwtverify.Config) handler {
			verifier := must(jwtverify.New(config))
			return must(guide.New(judge(func(ctx context.Context, token string) (*jwtverify.Token, error) {
				t, err := verifier.Verify(ctx, token)
				if errors.Is(err, jwtverify.ErrKeysUnavailable) {
					return nil, jwtverify.ErrInvalid
				}
				return t, err
			}), nil))
		}, []string{"cases answered right", "issuer hangs", "one forged token", "20 MB key document"}},
		{"the keys are fetched for every token", func(config jwtverify.Config) handler {
			cache := config.Keys.(*jwtverify.Cache)
			return must(guide.New(judge(func(ctx context.Context, token string) (*jwtverify.Token, error) {
				config := config
				config.Keys = &jwtverify.Cache{Source: cache.Source, Timeout: cache.Timeout}
				return must(jwtverify.New(config)).Verify(ctx, token)
			}), nil))
		}, []string{"cases answered right", "1,000 tokens with forged kids", "8 clients", "issuer hangs", "50 first requests", "one forged token"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := small
			p.states = []string{"", "refused"}
			p.timeout = 500 * time.Millisecond
			p.medians = 300 * time.Millisecond
			p.timed = true
			p.newAPI = test.newAPI
			for _, f := range figures {
				wrong := false
				for _, row := range test.rows {
					wrong = wrong || strings.HasPrefix(f.what, row)
				}
				if !wrong {
					continue
				}
				if r := f.measure(p); r.holds {
					t.Errorf("%s: %s, and that holds", f.what, r.ours)
				}
			}
		})
	}
}

// A judge is a verifier of its own opinion.
type judge func(context.Context, string) (*jwtverify.Token, error)

func (j judge) Verify(ctx context.Context, token string) (*jwtverify.Token, error) {
	return j(ctx, token)
}

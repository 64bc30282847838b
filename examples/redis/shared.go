package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/jwtverify"
)

const (
	// refresh is the age at which keys are due, as Cache.RefreshInterval has it by default.
	// It counts from the fetch at the issuer, whichever replica made it.
	refresh = 5 * time.Minute
	// shelfLife is how long the Redis keeps what was fetched. A replica whose keys are due
	// finds nothing older, so it asks the issuer or has what another one fetched just now.
	shelfLife = refresh / 2
	// pause is the least time between two fetches of all replicas together, whatever
	// happens: a rotation, forged kids, an issuer that is down.
	pause = 2 * time.Second
	// poll is how often a replica looks for what another one is fetching.
	poll = 50 * time.Millisecond
)

// A shared source is the issuer's key document by way of a Redis. One Cache has it,
// which never asks twice at the same time.
type shared struct {
	redis     *redis.Client
	url       string // of the key document; in the Redis it names the entry
	transport http.RoundTripper
	cache     *jwtverify.Cache
	logger    *slog.Logger

	had    string // the document that this replica has
	forced uint64 // of the Cache's forced fetches, those that were answered
}

// newCache returns a Cache of the keys at an address, shared with all that have the
// same Redis.
func newCache(client *redis.Client, url string, transport http.RoundTripper, logger *slog.Logger) *jwtverify.Cache {
	s := &shared{redis: client, url: url, transport: transport, logger: logger}
	s.cache = &jwtverify.Cache{Source: jwtverify.KeySourceFunc(s.keys), RefreshInterval: refresh}
	return s.cache
}

// keys returns the keys that the Redis has, or asks the issuer. Of the replicas that
// find nothing at the same time, one asks, and the others wait for what it brings.
//
// A forced fetch is for a token with a kid that this replica does not know. The document
// that it has already is no answer then, unless somebody has fetched it again just now.
func (s *shared) keys(ctx context.Context) (*jwtverify.KeySet, error) {
	forced := s.cache.Stats().Forced
	for {
		document, age, err := s.read(ctx)
		if err != nil {
			return s.withoutRedis(ctx, forced, err)
		}
		isAnswer := forced == s.forced || document != s.had || age < pause
		if document != "" && isAnswer {
			set, err := jwtverify.ParseKeySet([]byte(document))
			if err == nil {
				return s.use(set, document, age, forced), nil
			}
			s.logger.WarnContext(ctx, "what Redis has is no key document", "reason", err)
		}
		turn, err := s.takeTurn(ctx)
		if err != nil {
			return s.withoutRedis(ctx, forced, err)
		}
		if turn {
			return s.fetch(ctx, forced)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another replica asks the issuer, without success so far: %w", ctx.Err())
		case <-time.After(poll):
		}
	}
}

// use remembers what this replica has from now on. Keys of another replica's fetch are
// due when that is old, not this look at it.
func (s *shared) use(set *jwtverify.KeySet, document string, age time.Duration, forced uint64) *jwtverify.KeySet {
	s.had, s.forced = document, forced
	return set.WithRefreshAfter(refresh - age)
}

// read returns the document in the Redis and its age by the clock of that, which is one
// clock for all replicas; or "".
func (s *shared) read(ctx context.Context) (document string, age time.Duration, err error) {
	pipe := s.redis.TxPipeline()
	get, ttl := pipe.Get(ctx, s.entry()), pipe.PTTL(ctx, s.entry())
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return "", 0, err
	}
	if ttl.Val() <= 0 || ttl.Val() > shelfLife {
		return "", 0, nil // nothing, or not what fetch has written
	}
	return get.Val(), shelfLife - ttl.Val(), nil
}

// takeTurn reports whether this replica may ask the issuer. The turn is not given back: if
// the fetch fails, the next replica tries after the pause.
func (s *shared) takeTurn(ctx context.Context) (bool, error) {
	err := s.redis.SetArgs(ctx, s.entry()+":turn", "", redis.SetArgs{Mode: "NX", TTL: pause}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

func (s *shared) entry() string { return "jwtverify:" + s.url }

// fetch asks the issuer, and tells the others.
func (s *shared) fetch(ctx context.Context, forced uint64) (*jwtverify.KeySet, error) {
	start := time.Now()
	set, document, err := s.ask(ctx)
	if err != nil {
		return nil, err
	}
	if set.Len() > 0 { // else it is a fault, and no good news for others
		left := shelfLife - time.Since(start)
		if err := s.redis.Set(ctx, s.entry(), document, left).Err(); err != nil {
			s.logger.WarnContext(ctx, "the keys were not shared", "reason", err)
		}
	}
	return s.use(set, document, time.Since(start), forced), nil
}

// withoutRedis does what every replica does that has none.
func (s *shared) withoutRedis(ctx context.Context, forced uint64, reason error) (*jwtverify.KeySet, error) {
	s.logger.WarnContext(ctx, "the keys come from the issuer, since Redis is down", "reason", reason)
	set, document, err := s.ask(ctx)
	if err != nil {
		return nil, err
	}
	return s.use(set, document, 0, forced), nil
}

// ask gets the key document from the issuer, by the rules of HTTPKeySource. That returns
// a set, which cannot be stored; what it has read, can.
func (s *shared) ask(ctx context.Context) (*jwtverify.KeySet, string, error) {
	var document bytes.Buffer
	source := jwtverify.HTTPKeySource{URL: s.url, Client: &http.Client{Transport: recorder{s.transport, &document}}}
	if _, err := source.Keys(ctx); err != nil {
		return nil, "", err
	}
	set, err := jwtverify.ParseKeySet(document.Bytes())
	return set, document.String(), err
}

// A recorder copies the body of an answer as it is read.
type recorder struct {
	http.RoundTripper
	body *bytes.Buffer
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(response.Body, r.body), response.Body}
	}
	return response, err
}

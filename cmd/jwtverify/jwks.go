package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"example.com/jwtverify"
)

const jwksUsage = `jwtverify jwks [flags]: which keys does the issuer publish, and which are usable?

  jwtverify jwks --jwks-url https://acme.eu.authaction.com/.well-known/jwks.json
  jwtverify jwks --jwks-file keys.json

  --jwks-url URL     where the keys are: an https address,
  --jwks-file F      or a file with a JWK Set, a JWK or PEM,
  --issuer URL       or an issuer whose discovery document tells. Without any of them
                     AUTHACTION_DOMAIN does
  --env-file F       file with KEY=VALUE lines for what is not in the environment
  --timeout 5s       limit for retrieving the keys

Exit codes: 0 at least one key is usable for RS256, 2 usage, 3 no usable key set.
`

// jwks lists the keys of a set, each usable or why not.
func (s *session) jwks(args []string) int {
	f := newFlags("jwks").withKeys()
	err := f.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(s.stderr, jwksUsage)
		return int(accepted)
	}
	if err == nil {
		err = f.noArguments()
	}
	command := f.command
	if err != nil {
		return s.fail(command, err)
	}
	settings, err := s.settings(f, nil)
	if err == nil && settings.source == nil {
		err = settings.noKeys
	}
	if err != nil {
		return s.fail(command, err)
	}

	// The source itself: a Cache would not show a set without usable key.
	timeout := f.timeout
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	keys, err := settings.source.Keys(ctx)
	if err != nil {
		fmt.Fprintf(s.stdout, "%s: %s\n", s.palette(s.stdout).verdict(undetermined), reason(err))
		return int(undetermined)
	}
	if err := writeKeys(s.stdout, keys); err != nil {
		return s.fail(command, fmt.Errorf("writing the keys: %w", err))
	}
	if keys.Len() == 0 {
		return int(undetermined)
	}
	return int(accepted)
}

// writeKeys lists the keys in the order of the set.
func writeKeys(w io.Writer, set *jwtverify.KeySet) error {
	skipped := set.Skipped()
	total := set.Len() + len(skipped)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d of %d keys are usable for RS256\n", set.Len(), total)
	why := make(map[int]*jwtverify.SkippedKeyError)
	for _, err := range skipped {
		var key *jwtverify.SkippedKeyError
		if errors.As(err, &key) {
			why[key.Index] = key
		}
	}
	index := 0
	line := func(id, usable, detail string) {
		if id != "" {
			id = quoted(id)
		} else {
			id = "no kid"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", index, id, usable, safe(detail))
		index++
	}
	passOver := func() {
		for key := why[index]; key != nil; key = why[index] {
			line(key.KeyID, "skipped", key.Reason)
		}
	}
	for key := range set.All() {
		passOver()
		line(key.ID(), "usable", fmt.Sprintf("RSA, %d bits", key.Bits()))
	}
	passOver()
	return table.Flush()
}

// Command queue consumes messages that carry an access token, without any HTTP: the
// keys are in a file, which is read again while messages come in. In place of a queue
// it has stdin, with messages such as {"token":"eyJ…","order":"two chairs"}, one a
// line; what it tells the queue goes to stdout.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com JWKS_FILE=keys.json go run ./examples/queue < messages.txt
//
// A message whose token is not to be trusted will not get better: it is a dead letter.
// One whose token cannot be judged, for want of keys, comes again later. If tokens may
// expire while messages wait, let the producer's side verify them when they enter the
// queue; don't set back the clock here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    "https://" + os.Getenv("AUTHACTION_DOMAIN"),
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.FileKeySource(os.Getenv("JWKS_FILE")),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := consume(context.Background(), verifier, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type message struct {
	Token string `json:"token"`
	Order string `json:"order"`
}

// consume answers each message: ack, dead letter, or nack with a delay.
func consume(ctx context.Context, verifier *jwtverify.Verifier, queue io.Reader, answers io.Writer) error {
	messages := bufio.NewScanner(queue)
	for messages.Scan() {
		var m message
		if err := json.Unmarshal(messages.Bytes(), &m); err != nil {
			fmt.Fprintln(answers, "dead letter: the message is not JSON as it should be")
			continue
		}
		token, err := authorize(ctx, verifier, m.Token)
		switch {
		case errors.Is(err, jwtverify.ErrInvalid):
			fmt.Fprintln(answers, "dead letter:", err)
		case err != nil:
			fmt.Fprintln(answers, "nack: again in", delay(err))
		default:
			fmt.Fprintf(answers, "ack: %q for %q\n", m.Order, token.Subject)
		}
	}
	return messages.Err()
}

// authorize returns the token if it may order. It is bare: no Bearer in front.
func authorize(ctx context.Context, verifier *jwtverify.Verifier, raw string) (*jwtverify.Token, error) {
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	// Here nobody can prove to hold the key that such a token is bound to (RFC 7800).
	if token.Bound {
		return nil, fmt.Errorf("%w: it is bound to a key", jwtverify.ErrInvalid)
	}
	if !slices.Contains(bearer.Scopes(token), "orders:write") {
		return nil, fmt.Errorf("%w: it lacks the scope orders:write", jwtverify.ErrInvalid)
	}
	return token, nil
}

// delay is how long the queue should keep a message back.
func delay(err error) time.Duration {
	var unavailable *jwtverify.KeysUnavailableError
	if errors.As(err, &unavailable) {
		return unavailable.RetryAfter
	}
	return 5 * time.Second
}

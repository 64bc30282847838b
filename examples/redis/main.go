// Command redis is an API of many replicas that fetch the issuer's keys once for all: in
// shared.go, by way of a Redis.
//
//	REDIS_URL=rediss://api:password@redis.example.com:6379 AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/redis run .
//
// A replica without Redis makes 12 to 15 fetches an hour. That is little
// for any issuer: share the keys where your issuer counts requests, not to be faster.
//
// Who can write this Redis can sign tokens: the replicas trust the keys that they find
// there. Let nobody in but them, over TLS, as a user with no other rights:
//
//	ACL SETUSER api on >password resetkeys ~jwtverify:* resetchannels -@all +get +pttl +set +multi +exec +hello
package main

import (
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	api, err := newAPI(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      newCache(newClient(options), issuer+"/.well-known/jwks.json", http.DefaultTransport, slog.Default()),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

// newClient has less patience than is usual: a Redis that is down must leave time to ask
// the issuer.
func newClient(options *redis.Options) *redis.Client {
	options.MaxRetries = -1 // none
	options.DialerRetries = 1
	options.DialTimeout = 500 * time.Millisecond
	options.ReadTimeout = 500 * time.Millisecond
	options.WriteTimeout = 500 * time.Millisecond
	// The user above has no right to these commands; and NewClient would look the address up.
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled, EndpointType: maintnotifications.EndpointTypeNone}
	return redis.NewClient(options)
}

func newAPI(config jwtverify.Config) (http.Handler, error) {
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := guard.NewMux()
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("for you\n")) })
	return mux, nil
}

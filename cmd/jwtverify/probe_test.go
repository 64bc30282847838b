package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/jwtverify"
)

// A caller is what a request says of who sends it, as a careful API reads it.
type caller int

const (
	nobody  caller = iota // no token
	unclear               // more than one
	unknown               // a token that is not valid
	known
)

// An apiKit has what APIs are made of here.
type apiKit struct {
	t        *testing.T
	verifier *jwtverify.Verifier
	guarded  http.Handler // by package bearer
	count    int          // of requests, for what differs each time
}

func newAPIKit(t *testing.T, f *fixture) *apiKit {
	t.Helper()
	return &apiKit{t: t, verifier: f.verifier(t), guarded: correctAPI(t, f)}
}

// token returns the token of the only header.
func (k *apiKit) token(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return token
}

func (k *apiKit) valid(token string) bool {
	_, err := k.verifier.Verify(k.t.Context(), token)
	return err == nil
}

func (k *apiKit) caller(r *http.Request) caller {
	switch values := r.Header.Values("Authorization"); {
	case len(values) > 1:
		return unclear
	case k.token(r) == "":
		return nobody
	case k.valid(k.token(r)):
		return known
	}
	return unknown
}

// refuse answers as RFC 6750 asks for.
func refuse(w http.ResponseWriter, who caller) {
	switch who {
	case nobody:
		sendBack(w, 401, `Bearer realm="api"`, "")
	case unclear:
		sendBack(w, 400, `Bearer error="invalid_request"`, "")
	default:
		sendBack(w, 401, `Bearer error="invalid_token"`, "")
	}
}

func sendBack(w http.ResponseWriter, status int, challenge, body string) {
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if strings.HasPrefix(body, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	io.WriteString(w, body)
}

const ordersBody = `{"orders":[{"id":17}]}`

// api is one that is right but for what the steps do before it.
func (k *apiKit) api(steps ...func(w http.ResponseWriter, r *http.Request, who caller) (done bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := k.caller(r)
		for _, step := range steps {
			if step(w, r, who) {
				return
			}
		}
		if who != known {
			refuse(w, who)
			return
		}
		sendBack(w, 200, "", ordersBody)
	}
}

// A cacheFor keeps what an API has answered, by the address alone.
func cacheFor(api http.Handler, keeps func(status int) bool) http.HandlerFunc {
	var mu sync.Mutex
	var kept *httptest.ResponseRecorder
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got := kept
		if got == nil {
			got = httptest.NewRecorder()
			api.ServeHTTP(got, r)
			if keeps(got.Code) {
				kept = got
			}
		} else {
			w.Header().Set("X-Cache", "HIT")
		}
		sendBack(w, got.Code, got.Header().Get("WWW-Authenticate"), got.Body.String())
	}
}

// probed runs probe for an API with the good token.
func probed(t *testing.T, f *fixture, api http.Handler, args ...string) (*jsonReport, string) {
	t.Helper()
	server := newProbeServer(t, api.ServeHTTP)
	args = append([]string{"probe", server.url + "/orders"}, args...)
	token := f.good(t)
	text := f.run(t, nil, strings.NewReader(token), args...)
	server = newProbeServer(t, api.ServeHTTP)
	args[1] = server.url + "/orders"
	got := f.run(t, nil, strings.NewReader(token), append(args, "--json")...)
	report := new(jsonReport)
	if err := json.Unmarshal([]byte(got.stdout), report); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	if got.code != text.code {
		t.Errorf("the exit code is %d, and %d with --json", text.code, got.code)
	}
	return report, text.stdout
}

// Each of these APIs is wrong in its own way, and probe must say in which.
func TestProbeFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type maker func(k *apiKit) http.Handler
	step := func(step func(w http.ResponseWriter, r *http.Request, who caller) bool) maker {
		return func(k *apiKit) http.Handler { return k.api(step) }
	}
	for _, test := range []struct {
		name    string
		decides string
		api     maker
		args    []string
	}{
		{"the path is open", "probe-open", step(func(w http.ResponseWriter, _ *http.Request, _ caller) bool {
			sendBack(w, 200, "", ordersBody)
			return true
		}), nil},
		{"the path is open, and its JSON differs each time", "probe-open", func(k *apiKit) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				k.count++
				sendBack(w, 200, "", fmt.Sprintf(`{"request":%d,"orders":[],"took":"%dms"}`, k.count, k.count))
			})
		}, nil},
		{"the path is open, and its page differs each time", "probe-open", func(k *apiKit) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				k.count++
				// The good token comes at last, when the page says m1.
				sendBack(w, 200, "", fmt.Sprintf("<!DOCTYPE html><script nonce=%d></script>Your orders at m%d", k.count, k.count/7))
			})
		}, nil},
		{"the path is open, asked by HEAD", "probe-open", step(func(w http.ResponseWriter, _ *http.Request, _ caller) bool {
			sendBack(w, 200, "", ordersBody)
			return true
		}), []string{"--method", "HEAD"}},
		{"no body, and open", "probe-open", step(func(w http.ResponseWriter, _ *http.Request, _ caller) bool {
			w.WriteHeader(http.StatusNoContent)
			return true
		}), nil},
		{"GraphQL that asks nobody", "probe-open", step(func(w http.ResponseWriter, _ *http.Request, _ caller) bool {
			sendBack(w, 200, "", `{"data":{"orders":[{"id":17}]}}`)
			return true
		}), nil},
		{"the algorithm is the token's choice", "probe-none-accepted", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				header, _ := base64.RawURLEncoding.DecodeString(strings.Split(k.token(r), ".")[0])
				if who != unknown || !strings.Contains(string(header), `"none"`) {
					return false
				}
				sendBack(w, 200, "", ordersBody)
				return true
			})
		}, nil},
		{"the token is decoded and not verified", "probe-tampered-accepted", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				parts := strings.Split(k.token(r), ".")
				if who != unknown || len(parts) != 3 || len(parts[2]) < 300 {
					return false
				}
				sendBack(w, 200, "", ordersBody)
				return true
			})
		}, nil},
		{"any token will do", "probe-none-accepted", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != unknown {
				return false
			}
			sendBack(w, 200, "", ordersBody)
			return true
		}), nil},
		{"the query is read too", "probe-query-accepted", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				if who != nobody || !k.valid(r.URL.Query().Get("access_token")) {
					return false
				}
				sendBack(w, 200, "", ordersBody)
				return true
			})
		}, []string{"--query"}},
		{"the first of two headers counts", "probe-two-headers-accepted", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				if who != unclear || !k.valid(k.token(r)) {
					return false
				}
				sendBack(w, 200, "", ordersBody)
				return true
			})
		}, nil},
		{"no challenge", "probe-no-challenge", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who == known {
				return false
			}
			sendBack(w, 401, "", `{"error":"unauthorized"}`)
			return true
		}), nil},
		{"a challenge for passwords", "probe-no-challenge", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who == known {
				return false
			}
			sendBack(w, 401, `Basic realm="api"`, "")
			return true
		}), nil},
		{"a proxy strips Authorization", "probe-header-lost", func(k *apiKit) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Authorization")
				k.guarded.ServeHTTP(w, r)
			})
		}, nil},
		{"every token is refused with 401", "probe-good-refused", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != known {
				return false
			}
			refuse(w, unknown)
			return true
		}), nil},
		{"every token is refused with 403", "probe-all-forbidden", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who == nobody {
				return false
			}
			sendBack(w, 403, "", "Forbidden")
			return true
		}), nil},
		{"403 to everybody, with a challenge", "probe-all-forbidden", step(func(w http.ResponseWriter, _ *http.Request, _ caller) bool {
			sendBack(w, 403, `Bearer realm="api"`, "")
			return true
		}), nil},
		{"a login redirect in place of 401", "probe-login", step(func(w http.ResponseWriter, r *http.Request, who caller) bool {
			if who == known {
				return false
			}
			http.Redirect(w, r, "/login?then=/orders", http.StatusFound)
			return true
		}), nil},
		{"a login redirect for everybody", "probe-login", step(func(w http.ResponseWriter, r *http.Request, _ caller) bool {
			http.Redirect(w, r, "https://accounts.acme.example/signin?state="+fmt.Sprint(r.Header), http.StatusTemporaryRedirect)
			return true
		}), nil},
		{"a cache keeps the answer to the good token", "probe-cached", func(k *apiKit) http.Handler {
			return cacheFor(k.guarded, func(status int) bool { return status == 200 })
		}, nil},
		{"a cache keeps the first refusal", "probe-cached", func(k *apiKit) http.Handler {
			return cacheFor(k.guarded, func(status int) bool { return status == 401 })
		}, nil},
		{"a cache that has the answer of another client", "probe-cached", func(k *apiKit) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Age", "17")
				sendBack(w, 200, "", ordersBody)
			})
		}, nil},
		{"a challenge with 403", "probe-challenge-status", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != unknown {
				return false
			}
			sendBack(w, 403, `Bearer error="invalid_token"`, "")
			return true
		}), nil},
		{"a bad token is a bad request", "probe-challenge-status", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != unknown {
				return false
			}
			sendBack(w, 400, `Bearer error="invalid_token"`, "")
			return true
		}), nil},
		{"a challenge with 200", "probe-challenge-status", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who == known {
				return false
			}
			sendBack(w, 200, `Bearer realm="api"`, `{"errors":[{"message":"no"}]}`)
			return true
		}), nil},
		{"a good token without the scope gets 401", "probe-challenge-status", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != known {
				return false
			}
			sendBack(w, 401, `Bearer error="insufficient_scope"`, "")
			return true
		}), nil},
		{"a good token is a bad request", "probe-good-refused", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			if who != known {
				return false
			}
			sendBack(w, 400, `Bearer error="invalid_request"`, "")
			return true
		}), nil},
		{"every token is refused, and the body alone says why", "probe-good-refused", step(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
			sendBack(w, 401, "Bearer", map[bool]string{true: "no token", false: "a bad token"}[who == nobody])
			return true
		}), nil},
		{"GraphQL compares the scheme byte for byte", "probe-scheme", step(func(w http.ResponseWriter, r *http.Request, who caller) bool {
			if who == known && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
				return false
			}
			sendBack(w, 200, "", `{"errors":[]}`)
			return true
		}), nil},
		{"the scheme is compared byte for byte", "probe-scheme", step(func(w http.ResponseWriter, r *http.Request, who caller) bool {
			if who != known || strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
				return false
			}
			sendBack(w, 403, "", "")
			return true
		}), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, text := probed(t, f, test.api(newAPIKit(t, f)), test.args...)
			if report.Exit != int(rejected) || report.Decides != test.decides || !strings.HasSuffix(strings.SplitN(text, "\n", 2)[0], "("+test.decides+")") {
				t.Errorf("%q decides, want %q:\n%s", report.Decides, test.decides, text)
			}
			var advice []string
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "    next ") {
					advice = append(advice, line)
				}
			}
			if slices.Sort(advice); len(slices.Compact(slices.Clone(advice))) != len(advice) {
				t.Errorf("an advice is there twice:\n%s", text)
			}
		})
	}
}

// Each of these is right, each as its framework or proxy is. What is no failure may be a
// note, where probe learns less than it could.
func TestProbeFindsNothingWhereAllIsRight(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, test := range []struct {
		name string
		api  func(k *apiKit) http.Handler
		args []string
		note string // its cause, as in the code; empty: none
	}{
		{"net/http", func(k *apiKit) http.Handler { return k.guarded }, nil, ""},
		{"net/http by HEAD", func(k *apiKit) http.Handler { return k.guarded }, []string{"--method", "HEAD", "--query"}, ""},
		{"a router that knows no HEAD, behind the check, as chi", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				if who != known || r.Method == http.MethodGet {
					return false
				}
				w.Header().Set("Allow", "GET")
				w.WriteHeader(http.StatusMethodNotAllowed)
				return true
			})
		}, []string{"--method", "HEAD"}, "not refused"},
		{"JSON with each refusal, as with gin", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == known {
					return false
				}
				sendBack(w, 401, `Bearer error="invalid_token"`, `{"error":"unauthorized"}`)
				return true
			})
		}, []string{"--query"}, ""},
		{"GraphQL behind a check", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == known {
					sendBack(w, 200, "", `{"data":{"orders":[]}}`)
				}
				return who == known
			})
		}, nil, ""},
		{"GraphQL that refuses in the body", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if k.count++; who == known {
					sendBack(w, 200, "", fmt.Sprintf(`{"data":{"orders":[],"asked":%d}}`, k.count))
				} else {
					sendBack(w, 200, "", fmt.Sprintf(`{"data":null,"asked":%d,"errors":[{"message":"no"}]}`, k.count))
				}
				return true
			})
		}, nil, "refused in the body"},
		{"the same by HEAD", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				sendBack(w, 200, "", map[bool]string{true: `{"data":{"orders":[]}}`, false: `{"errors":[]}`}[who == known])
				return true
			})
		}, []string{"--method", "HEAD"}, "refused in the body"},
		{"a page that logs people in, under 200", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				k.count++
				sendBack(w, 200, "", fmt.Sprintf("<!DOCTYPE html><script nonce=%d></script>%s", k.count, map[bool]string{true: "Your orders", false: "Sign in"}[who == known]))
				return true
			})
		}, nil, "refused in the body"},
		{"nginx in front, which refuses two headers itself", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				w.Header().Set("Server", "nginx")
				if who == unclear {
					w.Header().Set("Content-Type", "text/html")
					sendBack(w, 400, "", "<html><head><title>400 Bad Request</title></head></html>")
				}
				return who == unclear
			})
		}, []string{"--query"}, ""},
		{"two headers are a bad request, by a challenge without error", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == unclear {
					sendBack(w, 400, `Bearer realm="api"`, "")
				}
				return who == unclear
			})
		}, nil, ""},
		{"a proxy that joins two headers into one", func(k *apiKit) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if values := r.Header.Values("Authorization"); len(values) > 1 {
					r.Header.Set("Authorization", strings.Join(values, ","))
				}
				k.guarded.ServeHTTP(w, r)
			})
		}, nil, ""},
		{"a cache that keeps no answer to a token", func(k *apiKit) http.Handler {
			kept := cacheFor(k.guarded, func(status int) bool { return status == 401 })
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					k.guarded.ServeHTTP(w, r)
					return
				}
				kept(w, r)
			})
		}, nil, ""},
		{"challenges of several schemes", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				w.Header()["WWW-Authenticate"] = []string{`Basic realm="a, b"`, `DPoP algs="ES256", Bearer realm="api"`}
				if who != known {
					w.WriteHeader(http.StatusUnauthorized)
				}
				return who != known
			})
		}, nil, ""},
		{"no body", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == known {
					w.WriteHeader(http.StatusNoContent)
				}
				return who == known
			})
		}, nil, ""},
		{"a token without the scope", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == known {
					sendBack(w, 403, `Bearer error="insufficient_scope", scope="orders:read"`, "")
				}
				return who == known
			})
		}, nil, "not refused"},
		{"a parameter is missing", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == known {
					sendBack(w, 400, "", `{"error":"page is missing"}`)
				}
				return who == known
			})
		}, nil, "not refused"},
		{"the good token is sent on to the latest order", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, r *http.Request, who caller) bool {
				if who == known {
					http.Redirect(w, r, "/orders/17", http.StatusFound)
				}
				return who == known
			})
		}, nil, "not refused"},
		{"an outage of the issuer", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who >= unknown {
					w.Header().Set("Retry-After", "5")
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return who >= unknown
			})
		}, nil, "not refused"},
		{"403 without a token, as an old FastAPI has it", func(k *apiKit) http.Handler {
			return k.api(func(w http.ResponseWriter, _ *http.Request, who caller) bool {
				if who == nobody {
					sendBack(w, 403, "", `{"detail":"Not authenticated"}`)
				}
				return who == nobody
			})
		}, nil, "no refusal of an API"},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, text := probed(t, f, test.api(newAPIKit(t, f)), test.args...)
			notes := ""
			for _, c := range report.Checks {
				if c.Status == "note" {
					notes += c.Next
				}
			}
			if report.Exit != int(accepted) || report.Decides != "" || (notes == "") != (test.note == "") || !strings.Contains(notes, nextOf(test.note)) {
				t.Errorf("want it accepted, and as note %q:\n%s", test.note, text)
			}
		})
	}
}

// nextOf is the start of what the note of a cause says.
func nextOf(cause string) string {
	return map[string]string{
		"refused in the body":  "this API seems to refuse in the body",
		"not refused":          "the token is not refused",
		"no refusal of an API": "an API refuses a token with 401",
	}[cause]
}

// Where there is nothing to compare a success with, probe does not call it one.
func TestProbeDoesNotGuess(t *testing.T) {
	f := newFixture(t)
	count := 0
	flushed := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	for _, test := range []struct {
		name string
		args []string
		api  http.HandlerFunc
		next string
	}{
		{"there is no token", nil, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, ordersBody) }, "pass a good token"},
		{"HEAD, and no field that tells of the body", []string{"-", "--method", "HEAD"}, func(w http.ResponseWriter, _ *http.Request) { flushed(w) }, "probe with --method GET"},
		{"HEAD, and fields that change each time", []string{"-", "--method", "HEAD"}, func(w http.ResponseWriter, _ *http.Request) {
			count++
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, count))
		}, "probe with --method GET"},
		{"the answers without a token break off", []string{"-"}, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, ordersBody)
			if flushed(w); r.Header.Get("Authorization") == "" {
				panic(http.ErrAbortHandler)
			}
		}, "this answer broke off before its end"},
		{"the second answer to the good token is another", []string{"-"}, func(w http.ResponseWriter, _ *http.Request) {
			if count++; count == 8 {
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, "there is no answer to compare with"},
	} {
		t.Run(test.name, func(t *testing.T) {
			count = 0
			stdin := ""
			if test.args != nil {
				stdin = f.good(t)
			}
			got := f.run(t, nil, strings.NewReader(stdin), append([]string{"probe", newProbeServer(t, test.api).url}, test.args...)...)
			if strings.Contains(got.stdout, "✗ no header") || !strings.Contains(got.stdout, "– no header                200  probe-unclear") || !strings.Contains(got.stdout, test.next) {
				t.Errorf("got\n%s%s", got.stdout, got.stderr)
			}
			if test.name != "the answers without a token break off" { // there the others are open
				got.check(t, undetermined, "undetermined: a success cannot be told from a refusal in the body", "")
			}
		})
	}
}

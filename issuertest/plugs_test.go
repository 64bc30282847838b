package issuertest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// A plug puts a guard before a handler, as the adapters to frameworks do.
type plug func(guard *bearer.Guard, h http.Handler) http.Handler

// plugged runs Suite against an API of two routes: GET /orders answers, GET /pings
// answers nothing and counts its runs.
func plugged(t *testing.T, iss *issuertest.Issuer, plug plug) (r *recorder) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/orders", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"orders":[]}`) })
	mux.HandleFunc("/pings", func(w http.ResponseWriter, r *http.Request) {
		iss.Ran()
		w.WriteHeader(http.StatusNoContent)
	})
	synctest.Test(t, func(t *testing.T) {
		guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier()})
		if err != nil {
			t.Fatal(err)
		}
		r = record(func(tb testing.TB) { iss.Suite(tb, plug(guard, mux), "GET /orders", "GET /pings") })
	})
	return r
}

// A gin does what gin does, as far as a plug can tell: the handlers of a route run one
// behind the other until one aborts, and the status waits for the first byte.
type gin struct {
	Writer   *ginWriter
	Request  *http.Request
	handlers []func(*gin)
	index    int
}

func (c *gin) Next() {
	for c.index++; c.index < len(c.handlers); c.index++ {
		c.handlers[c.index](c)
	}
}

func (c *gin) Abort() { c.index = 1 << 10 }

type ginWriter struct {
	http.ResponseWriter
	status  int
	written bool
}

func (w *ginWriter) WriteHeader(status int) {
	if !w.written {
		w.status = status
	}
}

func (w *ginWriter) Write(data []byte) (int, error) {
	w.now()
	return w.ResponseWriter.Write(data)
}

func (w *ginWriter) now() {
	if !w.written {
		w.written = true
		w.ResponseWriter.WriteHeader(w.status)
	}
}

func ginWrapH(h http.Handler) func(*gin) {
	return func(c *gin) { h.ServeHTTP(c.Writer, c.Request) }
}

// ginGroup is an engine whose group has the two routes; all else is no group's.
func ginGroup(handlers ...func(*gin)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/orders" && r.URL.Path != "/pings" {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "404 page not found") // to HEAD too, as gin does
			return
		}
		c := &gin{Writer: &ginWriter{w, http.StatusOK, false}, Request: r, handlers: handlers, index: -1}
		c.Next()
		c.Writer.now()
	})
}

// An echo does what echo does, as far as a plug can tell: a middleware calls the next
// handler or not, an error is answered at the end, and a second status is dropped.
type echo struct {
	Response *echoResponse
	Request  *http.Request
}

type echoHandler func(*echo) error

type echoResponse struct {
	http.ResponseWriter
	committed bool
}

func (w *echoResponse) WriteHeader(status int) {
	if !w.committed {
		w.committed = true
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *echoResponse) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(data)
}

type echoError int

func (status echoError) Error() string { return http.StatusText(int(status)) }

// Error is echo's handler of errors, which a middleware can call too.
func (c *echo) Error(err error) {
	if status := echoError(http.StatusInternalServerError); !c.Response.committed {
		errors.As(err, &status)
		c.Response.WriteHeader(int(status))
		if c.Request.Method != http.MethodHead {
			io.WriteString(c.Response, `{"message":"`+status.Error()+`"}`)
		}
	}
}

func echoGroup(middleware func(next echoHandler) echoHandler, h http.Handler) http.Handler {
	serve := middleware(func(c *echo) error {
		h.ServeHTTP(c.Response, c.Request)
		return nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &echo{&echoResponse{w, false}, r}
		var err error
		switch {
		case r.URL.Path != "/orders" && r.URL.Path != "/pings":
			err = echoError(http.StatusNotFound)
		case r.Method != "GET":
			err = echoError(http.StatusMethodNotAllowed)
		default:
			err = serve(c)
		}
		if err != nil {
			c.Error(err)
		}
	})
}

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

// What a plug has written down before it goes to the client.
func send(w http.ResponseWriter, status int, header http.Header, body []byte) {
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	w.Write(body)
}

// A discard is a ResponseWriter that nobody reads.
type discard http.Header

func (d discard) Header() http.Header          { return http.Header(d) }
func (discard) Write(data []byte) (int, error) { return len(data), nil }
func (discard) WriteHeader(int)                {}
func drop(h http.Handler, r *http.Request)     { h.ServeHTTP(discard{}, r) }

// An api is a plug made of one function.
func api(serve func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request)) plug {
	return func(guard *bearer.Guard, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(guard, h, w, r) })
	}
}

// unless is a plug that asks for no token where a request looks harmless.
func unless(open func(*http.Request) bool) plug {
	return api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		if open(r) {
			h.ServeHTTP(w, r)
			return
		}
		guard.Require()(h).ServeHTTP(w, r)
	})
}

// behind is a plug that runs the handler for some of the requests that it refuses.
func behind(some func(*http.Request) bool) plug {
	return api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		admitted, ok := guard.Admit(w, r)
		if ok {
			h.ServeHTTP(w, admitted)
		} else if some(r) {
			drop(h, r)
		}
	})
}

// with is a plug that changes the request before the guard sees it.
func with(change func(*http.Request)) plug {
	return api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		change(r)
		guard.Require()(h).ServeHTTP(w, r)
	})
}

func ginMiddleware(middleware func(guard *bearer.Guard, c *gin)) plug {
	return func(guard *bearer.Guard, h http.Handler) http.Handler {
		return ginGroup(func(c *gin) { middleware(guard, c) }, ginWrapH(h))
	}
}

func echoMiddleware(middleware func(guard *bearer.Guard, next echoHandler, c *echo) error) plug {
	return func(guard *bearer.Guard, h http.Handler) http.Handler {
		return echoGroup(func(next echoHandler) echoHandler {
			return func(c *echo) error { return middleware(guard, next, c) }
		}, h)
	}
}

// Plugs that let requests through which have no good token, or seem to. For each route,
// a part of one of the failures; empty where there must be none, since nothing shows.
var wrongPlugs = []struct {
	name          string
	plug          plug
	orders, pings string
}{
	{"gin: Require around c.Next, without Abort", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
	}), appended401, ran401},
	{"gin: Require around nothing, in gin.WrapH", func(guard *bearer.Guard, h http.Handler) http.Handler {
		return ginGroup(ginWrapH(guard.Require()(nothing)), ginWrapH(h))
	}, appended401, ran401},
	{"gin: the verdict of Admit is dropped", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		c.Request, _ = guard.Admit(c.Writer, c.Request)
	}), appended401, ran401},
	{"gin: Abort comes behind the handlers", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		r, ok := guard.Admit(c.Writer, c.Request)
		c.Request = r
		if c.Next(); !ok {
			c.Abort()
		}
	}), appended401, ran401},
	{"gin: Abort for 401 alone, not for an outage", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		c.Request, _ = guard.Admit(c.Writer, c.Request)
		if c.Writer.status == http.StatusUnauthorized {
			c.Abort()
		}
	}), "got 503 Service Unavailable, and in its body the answer", "got 503 Service Unavailable, and the handler ran"},
	{"gin: Abort where there is a bad token, not where there is none", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		var ok bool
		if c.Request, ok = guard.Admit(c.Writer, c.Request); !ok && c.Request.Header.Get("Authorization") != "" {
			c.Abort()
		}
	}), appended401, ran401},
	{"gin: Use behind the route", func(guard *bearer.Guard, h http.Handler) http.Handler {
		return ginGroup(ginWrapH(h), ginWrapH(guard.Require()(nothing)))
	}, "no Authorization: got 200 OK", ran401},
	{"gin: a panic for the refusal is recovered, and the chain goes on", func(guard *bearer.Guard, h http.Handler) http.Handler {
		return ginGroup(func(c *gin) {
			defer func() { _ = recover() }()
			c.Next()
		}, func(c *gin) {
			var ok bool
			if c.Request, ok = guard.Admit(c.Writer, c.Request); !ok {
				panic("unauthorized")
			}
		}, ginWrapH(h))
	}, appended401, ran401},
	{"gin: Optional in place of Require", ginMiddleware(func(guard *bearer.Guard, c *gin) {
		admitted := false
		guard.Optional(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.Request, admitted = r, true })).ServeHTTP(c.Writer, c.Request)
		if !admitted {
			c.Abort()
		}
	}), "no Authorization: got 200 OK", "no Authorization: got 204 No Content, and the handler ran"},

	{"echo: Require around nothing, then next", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { c.Request = r })).ServeHTTP(c.Response, c.Request)
		return next(c)
	}), appended401, ran401},
	{"echo: the error goes to c.Error, and next is called", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		if _, ok := guard.Admit(discard(c.Response.Header()), c.Request); !ok {
			c.Error(echoError(http.StatusUnauthorized))
		}
		return next(c)
	}), appended401, ran401},
	{"echo: next first, then the check", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		err := next(c)
		guard.Require()(nothing).ServeHTTP(c.Response, c.Request)
		return err
	}), "no Authorization: got 200 OK", "no Authorization: got 204 No Content, and the handler ran"},
	{"echo: a deferred next", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) (err error) {
		defer func() { err = next(c) }()
		if r, ok := guard.Admit(c.Response, c.Request); ok {
			c.Request = r
		}
		return nil
	}), appended401, ran401},
	{"echo: a refusal is JSON with the status 200", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		if _, ok := guard.Admit(discard{}, c.Request); !ok {
			_, err := io.WriteString(c.Response, `{"error":"unauthorized"}`)
			return err
		}
		return next(c)
	}), "no Authorization: got 200 OK", "no Authorization: got 200 OK"},
	{"echo: a refusal is an error of echo's, without the challenge", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		if _, ok := guard.Admit(discard{}, c.Request); !ok {
			return echoError(http.StatusUnauthorized)
		}
		return next(c)
	}), "no Authorization: got 401 Unauthorized without WWW-Authenticate", "no Authorization: got 401 Unauthorized without WWW-Authenticate"},
	{"echo: an outage is a 500", echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
		w := httptest.NewRecorder()
		if _, ok := guard.Admit(w, c.Request); ok {
			return next(c)
		} else if w.Code == http.StatusServiceUnavailable {
			return errors.New("keys unavailable")
		}
		send(c.Response, w.Code, w.Header(), w.Body.Bytes())
		return nil
	}), "token of a key that cannot be fetched: got 500", "token of a key that cannot be fetched: got 500"},

	{"the verdict of Admit is dropped", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		r, _ = guard.Admit(w, r)
		h.ServeHTTP(w, r)
	}), appended401, ran401},
	{"http.Error without a return", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		if _, ok := guard.Admit(discard(w.Header()), r); !ok {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
		}
		h.ServeHTTP(w, r)
	}), appended401, ran401},
	{"tried on a recorder, copied, without a return", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		tried := httptest.NewRecorder()
		if _, ok := guard.Admit(tried, r); !ok {
			send(w, tried.Code, tried.Header(), tried.Body.Bytes())
		}
		h.ServeHTTP(w, r)
	}), appended401, ran401},
	{"tried on a recorder, where only 401 counts", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		tried := httptest.NewRecorder()
		if guard.Admit(tried, r); tried.Code == http.StatusUnauthorized {
			send(w, tried.Code, tried.Header(), tried.Body.Bytes())
			return
		}
		h.ServeHTTP(w, r)
	}), "token of a key that cannot be fetched: got 200 OK", "token of a key that cannot be fetched: got 204 No Content, and the handler ran"},
	{"the refusal has no body, and the answer takes its place", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		tried := httptest.NewRecorder()
		if _, ok := guard.Admit(tried, r); !ok {
			tried.Header().Del("Content-Length")
			send(w, tried.Code, tried.Header(), nil)
		}
		h.ServeHTTP(w, r)
	}), appended401, ran401},
	{"the answer comes before the refusal, and the status is the last", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		answer, tried := httptest.NewRecorder(), httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if _, ok := guard.Admit(tried, r); ok {
			send(w, answer.Code, answer.Header(), answer.Body.Bytes())
			return
		}
		tried.Header().Del("Content-Length")
		send(w, tried.Code, tried.Header(), append(answer.Body.Bytes(), tried.Body.Bytes()...))
	}), appended401, ran401},
	{"the answer is a member of the refusal", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		tried := httptest.NewRecorder()
		if _, ok := guard.Admit(tried, r); ok {
			h.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		tried.Header().Del("Content-Length")
		send(w, tried.Code, tried.Header(), []byte(`{"error":"unauthorized","data":`+answer.Body.String()+`}`))
	}), appended401, ran401},
	{"the handler runs into a buffer, and the guard decides what is sent", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			send(w, answer.Code, answer.Header(), answer.Body.Bytes())
		})).ServeHTTP(w, r)
	}), "", ran401},
	{"the handler runs beside the guard", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		answer, own := httptest.NewRecorder(), r.Clone(r.Context())
		var wait sync.WaitGroup
		wait.Go(func() { h.ServeHTTP(answer, own) })
		_, ok := guard.Admit(w, r)
		if wait.Wait(); ok {
			send(w, answer.Code, answer.Header(), answer.Body.Bytes())
		}
	}), "", ran401},
	{"the handler runs once more to warm a cache", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			drop(h, r)
			h.ServeHTTP(w, r)
		})).ServeHTTP(w, r)
	}), "", "good token: the handler ran 2 times, want once"},
	{"the handler runs for expired tokens, to log whose they are", func(guard *bearer.Guard, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			guard.Require()(h).ServeHTTP(watch{w, func(status int) {
				if strings.Contains(w.Header().Get("WWW-Authenticate"), "expired") {
					drop(h, r)
				}
			}}, r)
		})
	}, "", `bad tokens "expired", "expired-long-ago", …: got 401 Unauthorized…, and the handler ran, want no run of the handler`},
	{"the handler runs behind refusals of HEAD", behind(func(r *http.Request) bool { return r.Method == http.MethodHead }),
		"", "HEAD with no Authorization: got 401 Unauthorized…, and the handler ran, want no run"},
	{"the handler runs behind refusals of OPTIONS", behind(func(r *http.Request) bool { return r.Method == http.MethodOptions }),
		"", "no token, but OPTIONS: got 401 Unauthorized…, and the handler ran, want no run"},
	{"the handler runs behind refusals of a proxy's request", behind(func(r *http.Request) bool { return r.Header.Get("X-Forwarded-Prefix") != "" }),
		"", "no token, but X-Forwarded-Prefix: /public: got 401 Unauthorized…, and the handler ran, want no run"},
	{"the handler runs behind refusals of a token in the query", behind(func(r *http.Request) bool { return r.URL.Query().Has("access_token") }),
		"", "good token in the query only: got 401 Unauthorized…, and the handler ran, want no run"},
	{"the handler runs behind refusals of two tokens", behind(func(r *http.Request) bool { return len(r.Header["Authorization"]) > 1 }),
		"", "the first with a good token: got 400 Bad Request…, and the handler ran, want no run"},
	{"the handler runs behind refusals to many at once", func(guard *bearer.Guard, h http.Handler) http.Handler {
		var mu sync.Mutex
		under := 0
		add := func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			under += n
			return under
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			add(1)
			defer add(-1)
			time.Sleep(time.Millisecond) // in a bubble: until all of them are here
			many := add(0) > 1
			time.Sleep(time.Millisecond) // until all of them have looked
			if _, ok := guard.Admit(w, r); ok || many {
				h.ServeHTTP(w, r)
			}
		})
	}, `bad token "…" beside 15 concurrent requests: got 4…, and in its body the answer to a good token`,
		"16 concurrent requests: the handler ran 16 times, want 8, once for each good token"},

	{"an outage lets all in", api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
		tried := httptest.NewRecorder()
		if _, ok := guard.Admit(tried, r); ok || tried.Code == http.StatusServiceUnavailable {
			h.ServeHTTP(w, r)
			return
		}
		send(w, tried.Code, tried.Header(), tried.Body.Bytes())
	}), "token of a key that cannot be fetched: got 200 OK", "token of a key that cannot be fetched: got 204 No Content, and the handler ran"},
	{"OPTIONS needs no token", unless(func(r *http.Request) bool { return r.Method == http.MethodOptions }),
		"no token, but OPTIONS: got 200 OK", "no token, but OPTIONS: got 204 No Content, and the handler ran"},
	{"HEAD needs no token", unless(func(r *http.Request) bool { return r.Method == http.MethodHead }),
		"HEAD with no Authorization: got 200 OK", "HEAD with no Authorization: got 204 No Content, and the handler ran"},
	{"a proxy's header counts", unless(func(r *http.Request) bool { return r.Header.Get("X-Auth-Subject") != "" }),
		"X-Auth-Subject: admin: got 200 OK", "X-Auth-Subject: admin: got 204 No Content, and the handler ran"},
	{"a path that was good once needs no token", func(guard *bearer.Guard, h http.Handler) http.Handler {
		var good sync.Map
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, known := good.Load(r.URL.Path); known {
				h.ServeHTTP(w, r)
				return
			}
			guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				good.Store(r.URL.Path, true)
				h.ServeHTTP(w, r)
			})).ServeHTTP(w, r)
		})
	}, "no Authorization: got 200 OK", "no Authorization: got 204 No Content, and the handler ran"},
	{"an address that was good once needs no token", func(guard *bearer.Guard, h http.Handler) http.Handler {
		var good sync.Map
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := guard.Admit(discard{}, r); ok {
				good.Store(r.RemoteAddr, true)
			}
			if _, known := good.Load(r.RemoteAddr); known {
				h.ServeHTTP(w, r)
				return
			}
			guard.Require()(h).ServeHTTP(w, r)
		})
	}, "no Authorization: got 200 OK", "no Authorization: got 204 No Content, and the handler ran"},
	{"the path with a slash is another route, without guard", func(guard *bearer.Guard, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/") {
				r = r.Clone(r.Context())
				r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
				h.ServeHTTP(w, r)
				return
			}
			guard.Require()(h).ServeHTTP(w, r)
		})
	}, "a final slash more or less: got 200 OK", "a final slash more or less: got 204 No Content, and the handler ran"},
	{"a token in the query counts", with(func(r *http.Request) {
		if token := r.URL.Query().Get("access_token"); token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
	}), "good token in the query only: got 200 OK", "good token in the query only: got 204 No Content, and the handler ran"},
	{"a token in a cookie counts", with(func(r *http.Request) {
		if cookie, err := r.Cookie("access_token"); err == nil {
			r.Header.Set("Authorization", "Bearer "+cookie.Value)
		}
	}), "good token in a cookie only: got 200 OK", "good token in a cookie only: got 204 No Content, and the handler ran"},
	{"the first of two headers counts", with(func(r *http.Request) {
		if values := r.Header["Authorization"]; len(values) > 1 {
			r.Header["Authorization"] = values[:1]
		}
	}), "the first with a good token: got 200 OK", "the first with a good token: got 204 No Content, and the handler ran"},
	{"Bearer in front is enough", unless(func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") }),
		`bad tokens "two-parts", …: got 200 OK, the answer to a good token, want 401`, `bad tokens "two-parts", …: got 204 No Content, and the handler ran`},
}

const (
	appended401 = "no Authorization: got 401 Unauthorized…, and in its body the answer to a good token, want no run of the handler"
	ran401      = "no Authorization: got 401 Unauthorized…, and the handler ran, want no run of the handler"
)

// A watch is told the status before the client is.
type watch struct {
	http.ResponseWriter
	status func(int)
}

func (w watch) WriteHeader(status int) {
	w.status(status)
	w.ResponseWriter.WriteHeader(status)
}

func TestSuiteFindsWrongPlugs(t *testing.T) {
	t.Parallel()
	if len(wrongPlugs) < 30 {
		t.Errorf("there are %d, want 30 or more", len(wrongPlugs))
	}
	iss := lent(t)
	for _, test := range wrongPlugs {
		t.Run(test.name, func(t *testing.T) {
			r := plugged(t, iss, test.plug)
			for route, want := range map[string]string{"issuertest: GET /orders, ": test.orders, "issuertest: GET /pings, ": test.pings} {
				var texts []string
				found := false
				for _, text := range r.texts {
					if strings.HasPrefix(text, route) {
						texts = append(texts, text)
						found = found || matches(text, route, want)
					}
				}
				if found != (want != "") || len(texts) > 0 != found {
					t.Errorf("%sgot %d failures, want one with %q:\n%s", route, len(texts), want, strings.Join(texts, "\n"))
				}
			}
		})
	}
}

// What a guard and a framework do when each is used as it is meant.
func TestSuitePassesRightPlugs(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	// The routes of chi, without HEAD: chi answers that by itself, before the
	// middleware of the group.
	chiGroup := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/orders" && r.URL.Path != "/pings":
				http.NotFound(w, r)
			case r.Method != http.MethodGet:
				w.Header().Set("Allow", "GET")
				w.WriteHeader(http.StatusMethodNotAllowed)
			default:
				h.ServeHTTP(w, r)
			}
		})
	}
	for name, plug := range map[string]plug{
		"Require": func(guard *bearer.Guard, h http.Handler) http.Handler { return guard.Require()(h) },
		"Admit": api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
			if r, ok := guard.Admit(w, r); ok {
				h.ServeHTTP(w, r)
			}
		}),
		"a chi group":          func(guard *bearer.Guard, h http.Handler) http.Handler { return chiGroup(guard.Require()(h)) },
		"chi, guarded outside": func(guard *bearer.Guard, h http.Handler) http.Handler { return guard.Require()(chiGroup(h)) },
		"a gin group, Admit and Abort": ginMiddleware(func(guard *bearer.Guard, c *gin) {
			var ok bool
			if c.Request, ok = guard.Admit(c.Writer, c.Request); !ok {
				c.Abort()
			}
		}),
		"a gin group, Require around c.Next": ginMiddleware(func(guard *bearer.Guard, c *gin) {
			admitted := false
			guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				admitted, c.Request = true, r
				c.Next()
			})).ServeHTTP(c.Writer, c.Request)
			if !admitted {
				c.Abort()
			}
		}),
		"an echo group, Admit": echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) error {
			r, ok := guard.Admit(c.Response, c.Request)
			if !ok {
				return nil
			}
			c.Request = r
			return next(c)
		}),
		"an echo group, echo.WrapMiddleware": echoMiddleware(func(guard *bearer.Guard, next echoHandler, c *echo) (err error) {
			guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.Request = r
				err = next(c)
			})).ServeHTTP(c.Response, c.Request)
			return err
		}),
	} {
		t.Run(name, func(t *testing.T) {
			if r := plugged(t, iss, plug); r.texts != nil {
				t.Error(r.text())
			}
		})
	}
}

// Where a good answer stands in a refusal, and where it only seems to.
func TestSuiteLooksForTheGoodAnswerInRefusals(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	count := 0
	again := func(text string) func() string {
		return func() string { count++; return fmt.Sprintf(text, count) }
	}
	always := func(text string) func() string { return func() string { return text } }
	for name, test := range map[string]struct {
		good, refusal func() string
		found         bool
	}{
		"another answer":                       {always(`{"orders":[]}`), always(`{"error":"x"}`), false},
		"the answer itself":                    {always(`{"orders":[]}`), always(`{"orders":[]}`), true},
		"the answer behind the refusal":        {always(`{"orders":[]}`), always(`{"error":"x"}{"orders":[]}`), true},
		"the answer before the refusal":        {always(`{"orders":[]}`), always(`{"orders":[]}{"error":"x"}`), true},
		"the answer within the refusal":        {always(`{"orders":[]}`), always(`{"a":1}{"orders":[]}{"a":1}`), true},
		"white space around it":                {always("{\"orders\":[]}\n"), always("no\n{\"orders\":[]} "), true},
		"a short text behind the refusal":      {always("ok"), always("no\nok"), true},
		"a short text before the refusal":      {always("ok"), always("ok, or not"), true},
		"a word of the refusal":                {always("protected"), always(`{"title":"Unauthorized","instance":"/protected/7"}`), false},
		"a long text within the refusal":       {always("the orders of the last seven days"), always("<b>the orders of the last seven days</b>"), true},
		"an answer of no word":                 {always("{}"), always("{}"), false},
		"an answer of one character":           {always("1"), always("401"), false},
		"an empty answer":                      {always(""), always(""), false},
		"an answer that varies":                {again(`{"orders":[],"n":%d}`), again(`{"error":"x"}{"orders":[],"n":%d}`), true},
		"an answer that varies, and a layout":  {again(`<html><body>%d</body></html>`), always(`<html><body>please log in</body></html>`), false},
		"an answer that varies from the start": {again(`%d orders`), always(`no orders`), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				guard, err := bearer.New(bearer.Config{Verifier: iss.Verifier(), Reject: func(*http.Request, bearer.Rejection) (string, []byte) {
					return "", []byte(test.refusal())
				}})
				if err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				h := guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, test.good()) }))
				r := record(func(tb testing.TB) {
					iss.Suite(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						mu.Lock()
						defer mu.Unlock()
						h.ServeHTTP(w, r)
					}), "GET /orders")
				})
				found := strings.Contains(r.text(), "no Authorization: got 401 Unauthorized") && strings.Contains(r.text(), ", and in its body the answer to a good token, want no run")
				if found != test.found || !found && r.texts != nil {
					t.Errorf("found: %t, want %t:\n%.2000s", found, test.found, r.text())
				}
			})
		})
	}
}

// A router that has no HEAD says so to everybody. Who says so to strangers alone answers
// them something, and that is no refusal.
func TestSuiteOnHeadWithoutAToken(t *testing.T) {
	t.Parallel()
	iss := lent(t)
	for name, test := range map[string]struct {
		with, without int
		want          string
	}{
		"405 for everybody":         {405, 405, ""},
		"404 for everybody":         {404, 404, ""},
		"401, and 405 with a token": {405, 0, ""},
		"405, and 200 with a token": {0, 405, "HEAD with no Authorization: got 405 Method Not Allowed, want 401"},
		"404, and 405 with a token": {405, 404, "HEAD with no Authorization: got 404 Not Found, want 401"},
		"400 for everybody":         {400, 400, "HEAD with no Authorization: got 400 Bad Request, want 401"},
	} {
		t.Run(name, func(t *testing.T) {
			r := plugged(t, iss, api(func(guard *bearer.Guard, h http.Handler, w http.ResponseWriter, r *http.Request) {
				status := test.without
				if _, ok := guard.Admit(discard{}, r); ok {
					status = test.with
				}
				if r.Method == http.MethodHead && status != 0 {
					w.WriteHeader(status)
					io.WriteString(w, http.StatusText(status)) // net/http drops it
					return
				}
				guard.Require()(h).ServeHTTP(w, r)
			}))
			if test.want == "" && r.texts != nil || !strings.Contains(r.text(), test.want) {
				t.Errorf("got\n%s\nwant %q", r.text(), test.want)
			}
		})
	}
}

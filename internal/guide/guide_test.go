package guide_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/guide"
)

// subjects accepts the token "good" for the subject that it is.
type subjects string

func (s subjects) Verify(_ context.Context, token string) (*jwtverify.Token, error) {
	if token == "good" {
		return &jwtverify.Token{Subject: string(s)}, nil
	}
	return nil, jwtverify.ErrInvalid
}

func ask(api http.Handler, method, target, authorization string) *http.Response {
	request := httptest.NewRequest(method, target, nil)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	recorder := httptest.NewRecorder()
	api.ServeHTTP(recorder, request)
	return recorder.Result()
}

func TestTheMessagesAreThoseOfTheGuide(t *testing.T) {
	for _, test := range []struct {
		name, subject, path, want string
	}{
		{"public", "", "/public", `{"message":"This is a public message!"}`},
		{"protected", "m2m@clients", "/protected", `{"message":"This is a protected message!","sub":"m2m@clients"}`},
		{"protected, without subject", "", "/protected", `{"message":"This is a protected message!","sub":""}`},
		{"a subject with what HTML or JSON would escape", "<a&é\"\n>", "/protected", `{"message":"This is a protected message!","sub":"<a&é\"\n>"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			api, err := guide.New(subjects(test.subject), nil)
			if err != nil {
				t.Fatal(err)
			}
			response := ask(api, "GET", test.path, "Bearer good")
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != 200 || string(body) != test.want {
				t.Errorf("got %d %s (%v), want 200 %s", response.StatusCode, body, err, test.want)
			}
			if got := response.Header; got.Get("Content-Type") != "application/json" || got.Get("Content-Length") != fmt.Sprint(len(test.want)) {
				t.Errorf("got the headers %v", got)
			}
		})
	}
}

func TestAllElseNeedsAToken(t *testing.T) {
	var told []string
	api, err := guide.New(subjects("m2m"), func(r *http.Request, rejection bearer.Rejection) {
		told = append(told, fmt.Sprint(rejection.Status, " ", r.Method, " ", r.URL.Path))
	})
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, test := range []struct {
		method, target string
		without, with  int // token
	}{
		{"GET", "/public", 200, 200},
		{"HEAD", "/public", 200, 200},
		{"POST", "/public", 401, 405},
		{"OPTIONS", "/public", 401, 405},
		{"GET", "/protected", 401, 200},
		{"HEAD", "/protected", 401, 200},
		{"POST", "/protected", 401, 405},
		{"OPTIONS", "/protected", 401, 405},
		{"GET", "/", 401, 404},
		{"GET", "/public/", 401, 404},
		{"GET", "/elsewhere", 401, 404},
	} {
		if got := ask(api, test.method, test.target, "").StatusCode; got != test.without {
			t.Errorf("%s %s without a token: got %d, want %d", test.method, test.target, got, test.without)
		}
		if test.without == 401 {
			refused = append(refused, fmt.Sprint(401, " ", test.method, " ", test.target))
		}
		if got := ask(api, test.method, test.target, "Bearer good").StatusCode; got != test.with {
			t.Errorf("%s %s with a token: got %d, want %d", test.method, test.target, got, test.with)
		}
	}
	if !slices.Equal(told, refused) {
		t.Errorf("told of the refusals\n%v\nwant\n%v", told, refused)
	}
	if got := ask(api, "GET", "/public", "Bearer bad").StatusCode; got != 200 {
		t.Errorf("/public looks at the token: got %d", got)
	}
	if got := ask(api, "GET", "/protected", "Bearer bad").StatusCode; got != 401 {
		t.Errorf("/protected with a bad token: got %d", got)
	}
}

func TestNoVerifierIsAnError(t *testing.T) {
	if _, err := guide.New(nil, nil); err == nil {
		t.Error("got an API without a verifier")
	}
}

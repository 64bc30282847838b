package issuer

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Fault is what goes wrong with requests for the keys and the metadata. The zero
// Fault means nothing does.
type Fault struct {
	Name       string        // one of FaultNames
	For        int           // the next n requests; 0: until it is changed
	RetryAfter time.Duration // of status-429 and status-503; 0: a second
}

// FaultNames are the names of all faults, sorted.
func FaultNames() []string {
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Fault replaces the current fault. An unknown name is an error, and so is a Fault
// without a name that sets For or RetryAfter.
func (iss *Issuer) Fault(f Fault) error {
	_, known := faults[f.Name]
	switch {
	case !known && f != Fault{}:
		return fmt.Errorf("there is no fault %q: want one of %s, or Fault{} for none", f.Name, strings.Join(FaultNames(), ", "))
	case f.For < 0 || f.RetryAfter < 0:
		return fmt.Errorf("fault %s has For %d and RetryAfter %v: want 0 or more", f.Name, f.For, f.RetryAfter)
	}
	iss.mu.Lock()
	defer iss.mu.Unlock()
	iss.fault = f
	return nil
}

// nextFault is the fault of one request.
func (iss *Issuer) nextFault() Fault {
	iss.mu.Lock()
	defer iss.mu.Unlock()
	f := iss.fault
	if f.For > 0 {
		if iss.fault.For--; iss.fault.For == 0 {
			iss.fault = Fault{}
		}
	}
	return f
}

const (
	slowDelay = 2 * time.Second
	dripDelay = time.Second // between two bytes
	oversize  = 16 << 20
)

// faults turn the good response for the keys or the metadata into a bad one.
var faults = map[string]func(iss *Issuer, f Fault, doc doc, good answer) answer{
	"status-404": func(*Issuer, Fault, doc, answer) answer { return status(http.StatusNotFound) },
	"status-500": func(*Issuer, Fault, doc, answer) answer { return status(http.StatusInternalServerError) },
	"status-503": func(_ *Issuer, f Fault, _ doc, _ answer) answer { return later(http.StatusServiceUnavailable, f) },
	"status-429": func(_ *Issuer, f Fault, _ doc, _ answer) answer { return later(http.StatusTooManyRequests, f) },
	"html": func(*Issuer, Fault, doc, answer) answer {
		return text("text/html; charset=utf-8", "<!DOCTYPE html>\n<title>Sign in</title>\n<form method=post><input name=user><input name=password type=password></form>\n")
	},
	"slow": func(_ *Issuer, _ Fault, _ doc, good answer) answer {
		good.delay = slowDelay
		return good
	},
	"hang": func(*Issuer, Fault, doc, answer) answer { return answer{hang: true} },
	"drip": func(_ *Issuer, _ Fault, _ doc, good answer) answer {
		good.drip = true
		return good
	},
	"truncated": func(_ *Issuer, _ Fault, doc doc, _ answer) answer {
		return jsonText(doc.text[:len(doc.text)/2])
	},
	"oversized": func(_ *Issuer, _ Fault, doc doc, _ answer) answer { return oversized(doc.text) },
	"redirect": func(iss *Issuer, _ Fault, doc doc, _ answer) answer {
		return redirect("https://elsewhere.test" + doc.path)
	},
	"redirect-http": func(iss *Issuer, _ Fault, doc doc, _ answer) answer {
		return redirect("http://" + iss.base.Host + doc.path)
	},
	// As the transports of net/http report them.
	"refused": func(*Issuer, Fault, doc, answer) answer {
		return answer{err: &net.OpError{Op: "connect", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	},
	"tls": func(*Issuer, Fault, doc, answer) answer {
		return answer{err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
	},
	"empty": func(*Issuer, Fault, doc, answer) answer { return jsonText([]byte(`{"keys":[]}`)) },
	"null":  func(*Issuer, Fault, doc, answer) answer { return jsonText([]byte("null")) },
	"array": func(iss *Issuer, _ Fault, doc doc, _ answer) answer {
		if doc.keys {
			return jsonText(document(iss.published()))
		}
		return jsonText(slices.Concat([]byte("["), doc.text, []byte("]")))
	},
	"malformed-sibling": func(iss *Issuer, _ Fault, doc doc, good answer) answer {
		if doc.keys {
			return jsonText(iss.withMalformedSiblings())
		}
		return good
	},
	"wrong-issuer": func(iss *Issuer, _ Fault, doc doc, good answer) answer {
		if doc.keys {
			return good
		}
		metadata := iss.metadata()
		metadata.Issuer = "https://another-issuer.test"
		return jsonText(document(metadata))
	},
}

func status(code int) answer {
	a := text("text/plain; charset=utf-8", http.StatusText(code)+"\n")
	a.status = code
	return a
}

func later(code int, f Fault) answer {
	after := f.RetryAfter
	if after == 0 {
		after = time.Second
	}
	a := status(code)
	a.header.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	return a
}

func redirect(target string) answer {
	a := status(http.StatusFound)
	a.header.Set("Location", target)
	return a
}

// oversized is the document with a long member added at the end, without a
// Content-Length, which would reveal its size.
func oversized(object []byte) answer {
	const member, end = `,"filler":"`, `"}`
	front := slices.Concat(object[:len(object)-1], []byte(member))
	filler := io.LimitReader(endless('x'), int64(oversize-len(front)-len(end)))
	a := jsonText(nil)
	a.body = io.MultiReader(bytes.NewReader(front), filler, strings.NewReader(end))
	a.length = -1
	return a
}

// endless yields the same byte forever.
type endless byte

func (b endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// withMalformedSiblings is the JWK Set with everything that may be beside a good
// key: broken keys, keys of other types, with another use, too small, and
// duplicates.
func (iss *Issuer) withMalformedSiblings() []byte {
	good := iss.published()
	signing := iss.signingKey().jwk

	noBase64 := signing
	noBase64.Kid, noBase64.N = "no-base64", "*"+signing.N[1:]
	small := signing
	modulus := make([]byte, 1024/8)
	rand.Read(modulus)
	modulus[0] |= 0x80
	modulus[len(modulus)-1] |= 1
	small.Kid, small.N = "small", encode(modulus)
	sameKid := small
	sameKid.Kid = signing.Kid

	keys := []any{
		nil, "a text", 17, []any{}, Claims{},
		Claims{"kty": "RSA", "kid": "no-modulus", "use": "sig", "alg": "RS256", "e": "AQAB"},
		Claims{"kty": "RSA", "kid": 17, "n": true, "e": nil},
		Claims{"kty": "oct", "kid": "symmetric", "alg": "HS256", "k": encode([]byte(rand.Text()))},
		noBase64, small, sameKid,
	}
	for _, key := range good {
		keys = append(keys, key, key)
	}
	data, _ := json.Marshal(Claims{"keys": keys}) // texts and numbers alone
	return data
}

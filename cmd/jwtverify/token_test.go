package main

import "testing"

func TestASuccessIsComparedWithThatOfTheGoodToken(t *testing.T) {
	const refused = `{"errors":[{"message":"no"}]}`
	for name, test := range map[string]struct {
		first, second, got string
		want               bool
	}{
		"the same":                               {`{"data":1}`, `{"data":1}`, `{"data":1}`, true},
		"a refusal in the body":                  {`{"data":1}`, `{"data":1}`, refused, false},
		"another value":                          {`{"data":1}`, `{"data":1}`, `{"data":2}`, false},
		"an answer that differs each time":       {`{"data":1}`, `{"data":2}`, `{"data":3}`, true},
		"a refusal where answers differ":         {`{"data":1}`, `{"data":2}`, refused, false},
		"a page that differs each time":          {"<p>1", "<p>2", "<p>3", true},
		"the names of objects in arrays count":   {`[{"a":1}]`, `[{"a":2}]`, `[{"b":1}]`, false},
		"the order of the names does not matter": {`{"a":1,"b":2}`, `{"a":2,"b":2}`, `{"b":1,"a":1}`, true},
	} {
		p := &prober{learned: true, good: []probeAnswer{{status: 200, body: []byte(test.first)}, {status: 200, body: []byte(test.second)}}}
		if got := p.isAccepted(&probeAnswer{status: 200, body: []byte(test.got)}); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
	if p := (&prober{}); !p.isAccepted(&probeAnswer{status: 200, body: []byte(refused)}) {
		t.Error("without a good token there is nothing to compare with: a success is one")
	}
}

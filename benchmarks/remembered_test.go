package main

import "testing"

func TestAKeyOfManyPrimesSignsWhatEveryoneTakes(t *testing.T) {
	key, err := newManyPrimes()
	if err != nil {
		t.Fatal(err)
	}
	public := key.public()
	is := &issuer{public: []publicKey{{signingKid, &public}}}
	if is.jwks, err = keySetJSON(is.public); err != nil {
		t.Fatal(err)
	}
	verifies, err := openAll(is, true)
	if err != nil {
		t.Fatal(err)
	}
	tokens := key.tokens(0, 3)
	if tokens[0] == tokens[1] || tokens[1] == tokens[2] {
		t.Error("the tokens are not different")
	}
	for i, verify := range verifies {
		for _, token := range tokens {
			if got, err := verify(token); got != subject {
				t.Errorf("%s: got subject %q (error %v), want %q", contenders[i].name, got, err, subject)
			}
			if _, err := verify(forge(token)); err == nil {
				t.Errorf("%s: takes a forged token", contenders[i].name)
			}
		}
	}
}

func TestRememberedTokensCostLessThanTheFloor(t *testing.T) {
	g, err := growthByTokens(short, 1_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.points) != 2 {
		t.Errorf("got %d points, want 2 up to 1,000 tokens", len(g.points))
	}
	for i, floors := range g.lines[g.named(ours)].floors {
		if floors <= 0 || floors > 0.5 {
			t.Errorf("%s tokens: one costs %.3f floors: it was verified in full", g.points[i].label, floors)
		}
	}
	is := testIssuer()
	verify, err := remembering(is, 8)
	if err != nil {
		t.Fatal(err)
	}
	if count, _ := allocations(judging(verify, is.token(claimsBytes))); count > maxRememberedAllocations {
		t.Errorf("a remembered token makes %v allocations, want at most %d", count, maxRememberedAllocations)
	}
}

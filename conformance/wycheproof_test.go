package conformance_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/c2sp/wycheproof"
)

// Project Wycheproof's JOSE vectors. What their tokens carry is no claims set, such
// as "foo", so that Verify accepts none of them; what a vector judges is the signature
// step, and that can be told from outside: the claims are read only if the signature
// is good. So each token is verified twice, by its own key and by another one with the
// same kid. The signature step lets it pass if the other key gives ErrSignature, which
// tells that all before the signature was good, and its own key gives something else.

// A joseFile is what the files of JOSE vectors have in common.
type joseFile struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []joseVector
	}
}

type joseVector struct {
	TcID     int
	Comment  string
	JWS, JWE json.RawMessage // it has one of them
	Result   string          // valid or invalid
	Flags    []string
}

// token is the vector's token; one in JSON serialization stands there as an object.
func (v joseVector) token() string {
	raw := slices.Concat(v.JWS, v.JWE)
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

func (v joseVector) segments() []string { return strings.Split(v.token(), ".") }

// alg is that of the header, empty if it cannot be read.
func (v joseVector) alg() string {
	var header struct{ Alg string }
	text, err := base64.RawURLEncoding.DecodeString(v.segments()[0])
	if err != nil || json.Unmarshal(text, &header) != nil {
		return ""
	}
	return header.Alg
}

// stricter are the reasons for which a valid vector is refused, each recognised by
// what the token is. The other way round there is none.
var stricter = []struct {
	reason, section string
	want            class
	applies         func(v joseVector) bool
}{
	{"the token is encrypted", "RFC 7516, section 3.1", unsupported, func(v joseVector) bool {
		return len(v.segments()) == 5
	}},
	{"the header has a character that base64url lacks", "RFC 7515, section 2", malformed, func(v joseVector) bool {
		return strings.Trim(v.segments()[0], base64url) != ""
	}},
	{"nothing is signed: a JWT has claims", "RFC 7519, section 7.2", malformed, func(v joseVector) bool {
		return v.segments()[1] == ""
	}},
	{"alg is not RS256", "RFC 8725, section 3.1", unsupported, func(v joseVector) bool {
		return v.alg() != "RS256"
	}},
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func readVectors(t testing.TB, name string, file any) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, file); err != nil {
		t.Fatal(err)
	}
}

func TestWycheproofJOSE(t *testing.T) {
	table := newTable("Wycheproof JOSE", "file", "vectors", "taken as valid", "refused as invalid", "refused though valid")
	reasons := newTable("Wycheproof JOSE, stricter", "valid there, refused here", "section", "answer", "vectors")
	refused := make([]int, len(stricter))
	var command []joseQuestion

	for _, name := range []string{"json_web_signature", "json_web_key", "json_web_crypto", "json_web_encryption"} {
		var file joseFile
		readVectors(t, name, &file)
		vectors, taken, invalid, stricter := 0, 0, 0, 0
		for _, group := range file.TestGroups {
			alone := keySet(t, group.Public, group.Private)
			sets := []struct {
				name      string
				set       []byte
				bystander bool
			}{
				{"alone", alone, false},
				{"beside a good key", withBystander(t, alone), true},
			}
			for _, s := range sets {
				control := withOtherModuli(t, s.set)
				for _, w := range ways {
					right, wrong := w.open(t, s.set), w.open(t, control)
					if right == nil || wrong == nil {
						continue
					}
					for _, v := range group.Tests {
						where := fmt.Sprintf("%s %d (%s, %s), key %s, %s", name, v.TcID, group.Comment, v.Comment, s.name, w.name)
						checkVector(t, where, v, s.bystander, right.judge(t, v.token()), wrong.judge(t, v.token()))
					}
				}
				for _, v := range group.Tests {
					where := fmt.Sprintf("%s %d (%s, %s), key %s, verify --lines", name, v.TcID, group.Comment, v.Comment, s.name)
					command = append(command, joseQuestion{where, v, s.bystander, string(s.set), string(control)})
				}
			}
			for _, v := range group.Tests {
				vectors++
				switch reason := reasonToRefuse(v); {
				case reason >= 0:
					refused[reason]++
					stricter++
				case v.Result == "valid":
					taken++
				default:
					invalid++
				}
			}
		}
		if vectors != file.NumberOfTests {
			t.Errorf("%s has %d vectors, and %d were run", name, file.NumberOfTests, vectors)
		}
		table.row("`"+name+"`", vectors, taken, invalid, stricter)
	}

	var questions []question
	for _, c := range command {
		questions = append(questions, question{c.set, c.vector.token()}, question{c.control, c.vector.token()})
	}
	answers := askCommand(t, questions)
	for i, c := range command {
		checkVector(t, c.where, c.vector, c.bystander, answers[2*i], answers[2*i+1])
	}

	for i, reason := range stricter {
		if refused[i] == 0 {
			t.Errorf("no vector is refused because %s: remove the reason", reason.reason)
		}
		reasons.row(reason.reason, reason.section, "`"+reason.want+"`", refused[i])
	}
	table.compare(t)
	reasons.compare(t)
}

type joseQuestion struct {
	where        string
	vector       joseVector
	bystander    bool
	set, control string
}

// reasonToRefuse is the index of the reason to refuse a valid vector, or -1.
func reasonToRefuse(v joseVector) int {
	if v.Result != "valid" {
		return -1
	}
	for i, reason := range stricter {
		if reason.applies(v) {
			return i
		}
	}
	return -1
}

// checkVector compares the answers by the right key and by another one with what the
// vector says. With a bystander the set has a usable key whatever the vector's is, so
// that the answer is exact.
func checkVector(t *testing.T, where string, v joseVector, bystander bool, right, wrong class) {
	t.Helper()
	passed := wrong == badSignature && behindSignature(right)
	reason := reasonToRefuse(v)
	switch {
	case reason >= 0 && (passed || bystander && right != stricter[reason].want):
		t.Errorf("%s: got %s, want %s, since %s", where, right, stricter[reason].want, stricter[reason].reason)
	case reason < 0 && v.Result == "valid" && !passed:
		t.Errorf("%s: got %s by its own key and %s by another, want a good signature", where, right, wrong)
	case v.Result != "valid" && (passed || right == accepted):
		t.Errorf("%s: got %s by its own key and %s by another, want a refusal", where, right, wrong)
	case v.Result != "valid" && slices.Contains(v.Flags, "ModifiedPadding") && right != badSignature:
		t.Errorf("%s: got %s, want the signature to be refused", where, right)
	}
}

// behindSignature reports whether an answer, to a token whose form is good, comes from
// behind the signature step.
func behindSignature(c class) bool {
	return c != badSignature && c != unknownKey && c != unsupported && c != keysUnavailable
}

// keySet is the set of a group. A group has one key or a set of them, and no public
// half if they are symmetric.
func keySet(t *testing.T, public, private json.RawMessage) []byte {
	t.Helper()
	text := public
	if text == nil {
		text = private
	}
	if elements(text) != nil {
		return text
	}
	return joinKeys(t, text)
}

func joinKeys(t *testing.T, keys ...json.RawMessage) []byte {
	t.Helper()
	set, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// withBystander adds a good key that no vector names.
func withBystander(t *testing.T, set []byte) []byte {
	t.Helper()
	return joinKeys(t, append(elements(set), publicJWK(t, &freshKey(t, 0).PublicKey, "bystander"))...)
}

// withOtherModuli replaces the modulus of each RSA key by another odd number of its
// size: as good as a modulus for whoever has no signature by it.
func withOtherModuli(t *testing.T, set []byte) []byte {
	t.Helper()
	keys := elements(set)
	for i, key := range keys {
		pub, kid := rsaKey(key)
		if pub == nil || kid == "bystander" {
			continue
		}
		other := new(big.Int).Lsh(freshKey(t, 1).N, uint(max(0, pub.N.BitLen()-freshKey(t, 1).N.BitLen())))
		other.SetBit(other.Rsh(other, uint(other.BitLen()-pub.N.BitLen())), 0, 1)
		var members map[string]any
		if err := json.Unmarshal(key, &members); err != nil {
			t.Fatal(err)
		}
		members["n"] = base64.RawURLEncoding.EncodeToString(other.Bytes())
		changed, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = changed
	}
	return joinKeys(t, keys...)
}

func publicJWK(t testing.TB, pub *rsa.PublicKey, kid string) json.RawMessage {
	t.Helper()
	e := []byte{byte(pub.E >> 16), byte(pub.E >> 8), byte(pub.E)}
	for e[0] == 0 {
		e = e[1:]
	}
	encode := base64.RawURLEncoding.EncodeToString
	key, err := json.Marshal(map[string]string{"kty": "RSA", "kid": kid, "n": encode(pub.N.Bytes()), "e": encode(e)})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// freshKey returns the n-th of the keys that the tests share.
func freshKey(t testing.TB, n int) *rsa.PrivateKey {
	t.Helper()
	keys, err := freshKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys[n]
}

var freshKeys = sync.OnceValues(func() (keys []*rsa.PrivateKey, err error) {
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
})

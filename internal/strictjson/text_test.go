package strictjson

import (
	"encoding/json"
	"testing"
)

func TestTextIsTheTextAsItWasWritten(t *testing.T) {
	const want = `{"a" : [1e999, "\u0061"], "a":{}}`
	var text Text
	if err := json.Unmarshal([]byte(want), &text); err != nil || string(text) != want {
		t.Errorf("got %s and %v, want %s", text, err, want)
	}
}

package strictjson

// A Text is a JSON text as it was written. Token.Claims into a Text returns the claims
// unchanged, for a Reader.
type Text string

// UnmarshalJSON keeps the text. It never fails.
func (t *Text) UnmarshalJSON(text []byte) error {
	*t = Text(text)
	return nil
}

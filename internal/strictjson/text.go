package strictjson

// A Text is a JSON text as it was written. Unmarshalled into it, the claims of a token
// stay what a Reader needs.
type Text string

// UnmarshalJSON keeps the text. It never fails.
func (t *Text) UnmarshalJSON(text []byte) error {
	*t = Text(text)
	return nil
}

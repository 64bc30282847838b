package strictjson

// StringsAt returns the string or the array of strings at a path of members, whose names
// must match exactly. It returns nil if there is none, or a value of another type. The
// text must have been read without error before.
func StringsAt(text string, path []string) []string {
	var r Reader
	r.Begin(text, Usual)
	found := r.stringsAt(path)
	if r.End() != nil {
		return nil
	}
	return found
}

func (r *Reader) stringsAt(path []string) (found []string) {
	kind := r.Kind()
	switch {
	case len(path) > 0 && kind == '{':
		for name := range r.Object {
			if name == path[0] {
				found = r.stringsAt(path[1:])
			} else {
				r.Skip()
			}
		}
	case len(path) == 0 && kind == '"':
		found = []string{r.rawString(true)}
	case len(path) == 0 && kind == '[':
		all := true
		for range r.Array {
			one, err := r.String("")
			found, all = append(found, one), all && err == nil
		}
		if !all {
			return nil
		}
	default:
		r.Skip()
	}
	return found
}

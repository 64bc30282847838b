package manual

import "strings"

// DidYouMean is a question behind an unknown word, empty where nothing known is like it.
func DidYouMean(prefix, word string, known []string) string {
	best, least := "", 1+min(2, len(word)/2)
	for _, name := range known {
		d := distance(word, name)
		if len(word) > 2 && (strings.HasPrefix(name, word) || strings.HasSuffix(name, "-"+word)) {
			d = 1
		}
		if d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + prefix + best + "?)"
}

// distance counts the letters that are missing, too many, wrong, or two in each other's
// place.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a) // a token, perhaps: no need to count
	}
	var before, last []int
	for i := range len(a) + 1 {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0 || j == 0:
				row[j] = i + j
				continue
			case a[i-1] == b[j-1]:
				row[j] = last[j-1]
			default:
				row[j] = 1 + min(last[j], row[j-1], last[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Package numericdate converts a NumericDate (RFC 7519, section 2) to a time, exactly.
package numericdate

import (
	"strconv"
	"strings"
	"time"
)

// MaxSeconds is the last second of the year 9999, where RFC 3339 ends. Larger numbers are
// milliseconds in place of seconds, or meant to overflow.
const MaxSeconds = 253402300799

// Parse reads seconds since 1970, a number as JSON writes it: fractions and exponents are
// allowed. ok is false for a time beyond MaxSeconds either way. No float is involved. The value
// is rounded up to the nanosecond, which makes no difference in a comparison with a clock that
// counts nanoseconds.
func Parse(text string) (date time.Time, ok bool) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n <= MaxSeconds {
		return time.Unix(int64(n), 0).UTC(), true // as nearly all issuers write it
	}
	mantissa, negative := strings.CutPrefix(text, "-")
	exponent := 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		// For a huge exponent Atoi returns the nearest int. A million is enough
		// for every number that fits in a token.
		exponent, _ = strconv.Atoi(mantissa[i+1:])
		exponent = min(max(exponent, -1_000_000), 1_000_000)
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	point := len(digits) - len(fraction) + exponent // digits before the decimal point

	const maxDigits = 12 // of MaxSeconds
	if digits == "" {
		return time.Unix(0, 0).UTC(), true
	} else if point > maxDigits {
		return time.Time{}, false
	}
	value := func(from, to int) (n int64) {
		for i := from; i < to; i++ {
			n *= 10
			if 0 <= i && i < len(digits) {
				n += int64(digits[i] - '0')
			}
		}
		return n
	}
	seconds, nanos := value(0, point), value(point, point+9)
	beyond := min(max(point+9, 0), len(digits))
	inexact := strings.Trim(digits[beyond:], "0") != ""
	switch {
	case seconds > MaxSeconds || seconds == MaxSeconds && (nanos > 0 || inexact):
		return time.Time{}, false
	case negative:
		seconds, nanos = -seconds, -nanos // rounded up by what is left out
	case inexact:
		nanos++
	}
	return time.Unix(seconds, nanos).UTC(), true
}

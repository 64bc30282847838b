package numericdate_test

import (
	"math/big"
	"regexp"
	"testing"
	"time"

	"example.com/jwtverify/internal/numericdate"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"0":                          "1970-01-01T00:00:00Z",
		"-0":                         "1970-01-01T00:00:00Z",
		"0e99999999999999999999":     "1970-01-01T00:00:00Z",
		"1":                          "1970-01-01T00:00:01Z",
		"-1":                         "1969-12-31T23:59:59Z",
		"1.5":                        "1970-01-01T00:00:01.5Z",
		"-1.5":                       "1969-12-31T23:59:58.5Z",
		"1750000000":                 "2025-06-15T15:06:40Z",
		"1.75e9":                     "2025-06-15T15:06:40Z",
		"17500000000E-1":             "2025-06-15T15:06:40Z",
		"1750000000.000000001":       "2025-06-15T15:06:40.000000001Z",
		"1750000000.0000000001":      "2025-06-15T15:06:40.000000001Z", // rounded up
		"-1.0000000001":              "1969-12-31T23:59:59Z",
		"1e-99999999999999999999":    "1970-01-01T00:00:00.000000001Z",
		"-1e-99999999999999999999":   "1970-01-01T00:00:00Z",
		"253402300799":               "9999-12-31T23:59:59Z",
		"0.253402300799e12":          "9999-12-31T23:59:59Z",
		"253402300799.0":             "9999-12-31T23:59:59Z",
		"253402300798.9999999999":    "9999-12-31T23:59:59Z",
		"-253402300799":              "-6060-01-02T00:00:01Z",
		"253402300800":               "",
		"253402300799.000000001":     "",
		"253402300799.0000000000001": "",
		"-253402300799.1":            "",
		"1e12":                       "",
		"1e99999999999999999999":     "",
		"-1e12":                      "",
	} {
		date, ok := numericdate.Parse(text)
		got := ""
		if ok {
			got = date.Format(time.RFC3339Nano)
		}
		if got != want || date.Location() != time.UTC {
			t.Errorf("%s: got %s in %v, want %s", text, got, date.Location(), want)
		}
	}
}

// A time is never before the exact value, and less than a nanosecond behind it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"1750000000", "-1.5e3", "0.1", "1e-9", "253402300799"} {
		f.Add(text)
	}
	number := regexp.MustCompile(`^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$`)
	f.Fuzz(func(t *testing.T, text string) {
		exact, ok := new(big.Rat).SetString(text)
		if !number.MatchString(text) || !ok {
			t.Skip()
		}
		date, ok := numericdate.Parse(text)
		limit := big.NewRat(numericdate.MaxSeconds, 1)
		if inside := new(big.Rat).Abs(exact).Cmp(limit) <= 0; ok != inside {
			t.Fatalf("%s: taken is %v, want %v", text, ok, inside)
		}
		if !ok {
			return
		}
		got := new(big.Rat).Add(big.NewRat(date.Unix(), 1), big.NewRat(int64(date.Nanosecond()), 1e9))
		if beyond := got.Sub(got, exact); beyond.Sign() < 0 || beyond.Cmp(big.NewRat(1, 1e9)) >= 0 {
			t.Errorf("%s: got %v", text, date)
		}
	})
}

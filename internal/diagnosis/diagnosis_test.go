package diagnosis

import (
	"testing"
	"time"
)

func TestDurationsAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0s",
		119 * time.Second:                "119s",
		2 * time.Minute:                  "2m",
		time.Hour - 300*time.Millisecond: "60m",
		2*time.Hour - time.Second:        "120m",
		2 * time.Hour:                    "2h",
		48*time.Hour - time.Second:       "48h",
		48 * time.Hour:                   "2d",
		72 * time.Hour:                   "3d",
	} {
		if got := Rounded(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

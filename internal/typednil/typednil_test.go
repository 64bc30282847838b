package typednil_test

import (
	"fmt"
	"testing"

	"example.com/jwtverify/internal/typednil"
)

func TestIs(t *testing.T) {
	for _, v := range []any{nil, (*int)(nil), (func())(nil), (map[int]int)(nil), ([]int)(nil), (chan int)(nil)} {
		if !typednil.Is(v) {
			t.Errorf("%T is nil, and was not seen", v)
		}
	}
	for _, v := range []any{0, "", struct{}{}, new(int), func() {}, map[int]int{}, []int{}, make(chan int), [1]*int{}, fmt.Errorf("x")} {
		if typednil.Is(v) {
			t.Errorf("%T was taken for nil", v)
		}
	}
}

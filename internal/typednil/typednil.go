// Package typednil recognises a nil pointer in an interface.
package typednil

import "reflect"

// Is reports whether an interface is nil or holds a nil pointer, function or the like,
// which would panic when it is used.
func Is(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return value.IsNil()
	}
	return false
}

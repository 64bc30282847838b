// Copyright 2026 The jwtverify Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//      http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// Package ossfuzz lets libFuzzer run a fuzz target that is written for go test -fuzz. The
// target is compiled by go test, in its own package, and called by package testing as one of
// its fuzz workers: what differs is who invents the inputs, and that TestMain is not called,
// which no target needs. build.sh puts this file into the module; no other build has it.
package ossfuzz

// #include <stdint.h>
// #include <stddef.h>
import "C"

import (
	"encoding/binary"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// target is what the init function of the package under test sets.
var target testing.InternalFuzzTarget

func Target(name string, fn func(*testing.F)) {
	target = testing.InternalFuzzTarget{Name: name, Fn: fn}
}

// skipped is the exit code that tells build.sh of a target that is not for fuzzing.
const skipped = 4

// worker runs the target with one input, and types are the types of its arguments.
var (
	worker func(entry) error
	types  []reflect.Type
)

//export LLVMFuzzerInitialize
func LLVMFuzzerInitialize(*C.int, ***C.char) C.int {
	// The flags of libFuzzer are none of package testing's.
	os.Args = []string{os.Args[0], "-test.run=^$", "-test.fuzz=^" + target.Name + "$", "-test.fuzzcachedir=."}
	seeds := os.Getenv("SEED_CORPUS")

	// Package testing tells the types of the arguments to whoever coordinates, and the
	// function to whoever works, so that the target is set up once for each.
	run := func(d deps) int {
		return testing.MainStart(d, nil, nil, []testing.InternalFuzzTarget{target}, nil).Run()
	}
	code := run(deps{seeds: seeds})
	switch {
	case code != 0:
		fmt.Fprintf(os.Stderr, "%s failed before F.Fuzz\n", target.Name)
		os.Exit(1)
	case types == nil:
		fmt.Fprintf(os.Stderr, "%s skips itself where it is fuzzed\n", target.Name)
		os.Exit(skipped)
	}
	if seeds != "" {
		os.Exit(0)
	}
	if err := flag.Set("test.fuzzworker", "true"); err != nil {
		panic(err)
	}
	ready := make(chan func(entry) error)
	go func() {
		code := run(deps{ready: ready})
		fmt.Fprintf(os.Stderr, "%s ended before F.Fuzz, with exit code %d\n", target.Name, code)
		os.Exit(1)
	}()
	worker = <-ready
	return 0
}

//export LLVMFuzzerTestOneInput
func LLVMFuzzerTestOneInput(data *C.uint8_t, size C.size_t) C.int {
	input := C.GoBytes(unsafe.Pointer(data), C.int(size))
	if err := worker(entry{Path: "input", Values: decode(input, types)}); err != nil {
		// In an archive a panic ends in SIGABRT, at which libFuzzer keeps the input.
		panic(err.Error())
	}
	return 0
}

// entry is testing's corpusEntry, an alias of a struct for the sake of such as this.
type entry = struct {
	Parent     string
	Path       string
	Data       []byte
	Values     []any
	Generation int
	IsSeed     bool
}

// deps is what package testing asks of the program around it.
type deps struct {
	ready chan func(entry) error // gets the worker's function
	seeds string                 // the folder to write seeds into, or empty
}

// CoordinateFuzzing learns the types, and writes the seeds of F.Add and of testdata/fuzz.
func (d deps) CoordinateFuzzing(_ time.Duration, _ int64, _ time.Duration, _ int64, _ int, corpus []entry, of []reflect.Type, _, _ string) error {
	types = of
	if d.seeds == "" {
		return nil
	}
	for i, seed := range corpus {
		if seed.Values != nil {
			seed.Data = encode(seed.Values)
		}
		if err := os.WriteFile(filepath.Join(d.seeds, fmt.Sprint("seed-", i)), seed.Data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func (d deps) RunFuzzWorker(fn func(entry) error) error {
	d.ready <- fn
	select {} // libFuzzer ends the process
}

// ReadCorpus reads testdata/fuzz, if its seeds are to be written: a fuzzer that runs has
// them from libFuzzer.
func (d deps) ReadCorpus(dir string, of []reflect.Type) (corpus []entry, err error) {
	if d.seeds == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		values, err := readValues(string(text), of)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		// Package testing drops the values of what it read, and keeps the data.
		corpus = append(corpus, entry{Path: name, Data: encode(values), Values: values})
	}
	return corpus, nil
}

func (deps) ImportPath() string                          { return "" }
func (deps) ModulePath() string                          { return "" }
func (deps) MatchString(pat, str string) (bool, error)   { return regexp.MatchString(pat, str) }
func (deps) SetPanicOnExit0(bool)                        {}
func (deps) StartCPUProfile(io.Writer) error             { return nil }
func (deps) StopCPUProfile()                             {}
func (deps) StartTestLog(io.Writer)                      {}
func (deps) StopTestLog() error                          { return nil }
func (deps) WriteProfileTo(string, io.Writer, int) error { return nil }
func (deps) CheckCorpus([]any, []reflect.Type) error     { return nil }
func (deps) ResetCoverage()                              {}
func (deps) SnapshotCoverage()                           {}
func (deps) InitRuntimeCoverage() (string, func(string, string) (string, error), func() float64) {
	return "", nil, nil
}

// decode makes arguments of what libFuzzer invents, as OSS-Fuzz's tools do, so that its
// coverage reports read the same corpus: first what has a fixed size, big-endian; then a
// byte for each string or []byte, its share of the rest; then the rest.
func decode(data []byte, types []reflect.Type) []any {
	take := func(n int) []byte {
		taken := make([]byte, n)
		data = data[copy(taken, data):]
		return taken
	}
	values := make([]any, len(types))
	var dynamic []int
	for i, t := range types {
		v := reflect.New(t).Elem()
		number := func() uint64 {
			var padded [8]byte
			copy(padded[8-t.Size():], take(int(t.Size())))
			return binary.BigEndian.Uint64(padded[:])
		}
		switch {
		case t.Kind() == reflect.String || t.Kind() == reflect.Slice:
			dynamic = append(dynamic, i)
			continue
		case v.CanInt():
			shift := 64 - 8*t.Size()
			v.SetInt(int64(number()<<shift) >> shift)
		case v.CanUint():
			v.SetUint(number())
		case t.Kind() == reflect.Bool:
			v.SetBool(number()&1 != 0)
		case t.Kind() == reflect.Float32:
			v.SetFloat(float64(math.Float32frombits(uint32(number()))))
		default:
			v.SetFloat(math.Float64frombits(number()))
		}
		values[i] = v.Interface()
	}
	weights, sum := take(len(dynamic)), 0
	for _, weight := range weights {
		sum += int(weight)
	}
	left := len(data)
	for n, i := range dynamic {
		size := left / len(dynamic)
		if sum > 0 {
			size = left * int(weights[n]) / sum
		}
		if n == len(dynamic)-1 {
			size = len(data)
		}
		values[i] = reflect.ValueOf(take(size)).Convert(types[i]).Interface()
	}
	return values
}

// encode is the inverse of decode. Shares are rounded to 255ths, so that of several long
// texts the ends may move from one to the next.
func encode(values []any) (data []byte) {
	var texts [][]byte
	longest := 1
	for _, value := range values {
		switch value := value.(type) {
		case string:
			texts = append(texts, []byte(value))
		case []byte:
			texts = append(texts, value)
		case int:
			data = binary.BigEndian.AppendUint64(data, uint64(value))
		case uint:
			data = binary.BigEndian.AppendUint64(data, uint64(value))
		default:
			data, _ = binary.Append(data, binary.BigEndian, value)
		}
	}
	for _, text := range texts {
		longest = max(longest, len(text))
	}
	for _, text := range texts {
		share := len(text)
		if longest > math.MaxUint8 {
			share = len(text) * math.MaxUint8 / longest
		}
		data = append(data, byte(share))
	}
	for _, text := range texts {
		data = append(data, text...)
	}
	return data
}

// readValues reads a file of testdata/fuzz: a line that names the format, and a
// conversion of a literal for each argument.
func readValues(text string, types []reflect.Type) (values []any, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines[0] != "go test fuzz v1" || len(lines) != len(types)+1 {
		return nil, fmt.Errorf("want the format go test fuzz v1 and %d values", len(types))
	}
	for i, line := range lines[1:] {
		expression, err := parser.ParseExpr(line)
		if err != nil {
			return nil, err
		}
		call, ok := expression.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return nil, fmt.Errorf("%s is no conversion of one value", line)
		}
		value, err := readLiteral(call.Args[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		if !value.CanConvert(types[i]) {
			return nil, fmt.Errorf("%s is no %v", line, types[i])
		}
		values = append(values, value.Convert(types[i]).Interface())
	}
	return values, nil
}

func readLiteral(expression ast.Expr) (reflect.Value, error) {
	sign := ""
	if unary, ok := expression.(*ast.UnaryExpr); ok {
		sign, expression = unary.Op.String(), unary.X
	}
	if name, ok := expression.(*ast.Ident); ok && (name.Name == "true" || name.Name == "false") {
		return reflect.ValueOf(name.Name == "true"), nil
	}
	literal, ok := expression.(*ast.BasicLit)
	if !ok {
		return reflect.Value{}, fmt.Errorf("not a literal")
	}
	switch literal.Kind {
	case token.STRING:
		text, err := strconv.Unquote(literal.Value)
		return reflect.ValueOf(text), err
	case token.CHAR:
		char, _, _, err := strconv.UnquoteChar(literal.Value[1:len(literal.Value)-1], '\'')
		return reflect.ValueOf(char), err
	case token.INT:
		if number, err := strconv.ParseInt(sign+literal.Value, 0, 64); err == nil {
			return reflect.ValueOf(number), nil
		}
		number, err := strconv.ParseUint(literal.Value, 0, 64)
		return reflect.ValueOf(number), err
	default:
		number, err := strconv.ParseFloat(sign+literal.Value, 64)
		return reflect.ValueOf(number), err
	}
}

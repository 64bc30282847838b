#!/bin/bash -eu
# Copyright 2026 The jwtverify Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# Builds each fuzz target of the module as a libFuzzer binary, with its seeds. OSS-Fuzz
# runs it at the root of the module, with CXX, CXXFLAGS, LIB_FUZZING_ENGINE, SANITIZER and
# OUT set. With arguments it builds only the targets of these packages.
#
# It does not use compile_native_go_fuzzer: that one replaces package testing by one that
# ignores F.Add and panics in T.Run, and it refuses external test packages, in which most
# targets are. go test compiles the target here, and fuzzer.go connects it to libFuzzer.

set -o pipefail
module=$(go list -m)
work=$(mktemp -d)
trap 'rm -rf "$work" internal/ossfuzz' EXIT
mkdir internal/ossfuzz # no overlay: cgo wants a folder
cp .ci/oss-fuzz/fuzzer.go internal/ossfuzz

build() { # package, target, name of the fuzzer
	local dir file
	dir=$(go list -f '{{.Dir}}' "$1")
	file=$(grep -l "^func $2(f \*testing.F)" "$dir"/*_test.go)

	cat >"$work/target.go" <<-EOF
		$(grep -m1 '^package ' "$file")

		import "$module/internal/ossfuzz"

		func init() { ossfuzz.Target("$2", $2) }
	EOF
	cat >"$work/overlay.json" <<-EOF
		{"Replace": {"$dir/oss_fuzz_target_test.go": "$work/target.go"}}
	EOF
	go test -c -o "$work/$3.a" -overlay "$work/overlay.json" -vet=off \
		-buildmode=c-archive -tags=libfuzzer -gcflags=all=-d=libfuzzer \
		-gcflags=runtime/cgo=-d=libfuzzer=0 -gcflags=runtime/pprof=-d=libfuzzer=0 -gcflags=syscall=-d=libfuzzer=0 "$1"
	$CXX $CXXFLAGS $LIB_FUZZING_ENGINE "$work/$3.a" -o "$OUT/$3"

	mkdir -p "$work/$3"
	local code=0
	(cd "$dir" && SEED_CORPUS="$work/$3" "$OUT/$3" >/dev/null) || code=$?
	if [ "$code" = 4 ]; then
		rm "$OUT/$3"
		return
	fi
	[ "$code" = 0 ] || exit "$code"
	echo "built $3"
	if [ -n "$(ls -A "$work/$3")" ]; then
		(cd "$work/$3" && zip -q -r "$OUT/$3_seed_corpus.zip" .)
	fi
}

for package in $(go list "${@:-./...}"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		fuzzer=${package#"$module"}/$target
		fuzzer=${fuzzer#/}
		fuzzer=${fuzzer//\//_}
		if [[ ${SANITIZER:-address} == *coverage* ]]; then
			compile_native_go_fuzzer_v2 "$package" "$target" "$fuzzer" # by go test -c, unchanged
		else
			build "$package" "$target" "$fuzzer"
		fi
	done
done

#!/usr/bin/env bash
# Stands before go in the PATH of gremlins, and changes what go test does. Where gremlins
# asks for coverage, all counts as covered: there are no figures for constants and for the
# conditions of a switch, and gremlins would leave them alone.
#
# Where it asks for the tests of a changed package:
# - the short tests are run, first those of the changed file, which is the newest, and
#   those that take long only if the others have noticed nothing;
# - a change that does not compile is exit code 2, which gremlins calls not viable: go
#   test says 1 for it, as for a test that failed;
# - a change that never ends is stopped, and its memory is bounded.
if [ "$1" != test ]; then
	exec "$REAL_GO" "$@"
fi
shift
ulimit -v 12000000

for ((i = 1; i <= $#; i++)); do
	if [ "${!i}" = -coverprofile ]; then
		i=$((i + 1))
		profile=${!i}
		# It asks for all packages below, too: ./... becomes .
		"$REAL_GO" test -short -vet=off "${@%/...}" || exit
		sed -n 's/^\(.*\):[0-9]*\.[0-9]*,.*/\1:1.1,1000000.1 1 1/p' "$profile" | sort -u >>"$profile"
		exit
	fi
done

slow='^(TestScenarios|TestRandomScenarios.*|TestExplainAgrees.*|TestWorstSource.*|TestRS256OfEverySize|TestRS256RefusesOtherPadding|TestRefreshIsJittered.*|TestBase64URLAgrees.*)$'
package=${!#}
tests=$(mktemp)
trap 'rm -f "$tests"' EXIT
"$REAL_GO" test -c -vet=off -gcflags=example.com/...=-l '-ldflags=-s -w' -o "$tests" "$package" || exit 2
cd "$("$REAL_GO" list -f '{{.Dir}}' "$package")" || exit 2
changed=$(ls -t ./*.go | head -n 1)
own=$(sed -n 's/^func \(\(Test\|Fuzz\)[A-Za-z0-9_]*\)(.*/\1/p' "${changed%.go}"*_test.go 2>/dev/null | paste -sd '|')
for part in "-test.run=^($own)$ -test.skip=$slow" "-test.skip=$slow" "-test.run=$slow"; do
	"$tests" -test.short -test.failfast -test.timeout=30s $part || exit 1
done

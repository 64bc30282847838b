#!/usr/bin/env bash
# Installs what the tests need beside Go: npm packages into node/node_modules, and
# Debian's python3-jose. Node.js (20.19 or newer, with npm) must be there. Running it
# again does nothing if all is there.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "Node.js with npm is not installed: get 20.19 or newer from https://nodejs.org" >&2
	exit 1
fi
if [ node/node_modules/.package-lock.json -nt node/package-lock.json ]; then
	echo 'npm packages: there already'
else
	(cd node && npm ci)
fi

if /usr/bin/python3 -c 'import jose' 2>/dev/null; then
	echo 'python3-jose: there already'
elif command -v apt-get >/dev/null; then
	apt-get update -q && apt-get install -qy --no-install-recommends python3-jose
else
	echo "python3-jose of Debian cannot be installed here: TestTokensOfPythonJOSE needs /usr/bin/python3 with the module jose" >&2
	exit 1
fi

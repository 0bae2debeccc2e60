#!/usr/bin/env bash
# The conformance suite: official npm clients against the built portal. Needs Node.js 20 and a built src/Qianfan.Portal.
# Ends with "N passed, N failed" and a matching exit code.
set -uo pipefail
cd "$(dirname "$0")"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

npm ci --no-progress || { echo "0 passed, 1 failed"; exit 1; }
node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination="$log" conformance.test.mjs
status=$?

# The summary's counts: "# pass 30", "# fail 0".
count() { awk -v key="$1" '$1 == "#" && $2 == key { n = $3 } END { print n + 0 }' "$log"; }
passed=$(count pass)
failed=$(( $(count fail) + $(count cancelled) ))
# A run that broke off, or ran nothing, is a failure whatever it counted.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

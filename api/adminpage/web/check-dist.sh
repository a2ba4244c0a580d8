#!/bin/sh
# Proves that the committed files are what the sources build to. Run `npm ci` before.
set -eu
cd "$(dirname "$0")"
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npx vite build --outDir "$built/dist" --emptyOutDir --logLevel warn
if ! diff -r "$built/dist" ../dist; then
	echo "api/adminpage/dist is not what api/adminpage/web builds to: run 'npm run build' there and commit dist." >&2
	exit 1
fi
echo "api/adminpage/dist is what its sources build to."

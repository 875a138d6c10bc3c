#!/usr/bin/env bash
# Runs a command twice, each time with another new directory as its last argument, and fails unless it leaves the same
# bytes in both.
#
#   test/machines/twice.sh COMMAND [ARGUMENT...]
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
for time in first second; do "$@" "$directory/$time"; done
diff --recursive --brief "$directory/first" "$directory/second" || {
  echo "two builds differ"
  exit 1
}
# A command that leaves nothing leaves the same.
find "$directory/first" -type f | grep --quiet .

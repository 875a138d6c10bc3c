#!/usr/bin/env bash
# Runs upstream's integration test, test/netns.sh, in a sandbox.
#
#   test/test.sh [ffi|exec]               with this backend of wg-bridge, ffi by default
#   test/test.sh PROGRAM [ARGUMENT...]    with PROGRAM, a path that contains a slash
#
# WG_BRIDGE_DISABLE=NAMES disables features of the tunnels: see docs/troubleshooting.md.
#
# Prints what netns.sh and the daemons print, as one stream. The exit status is netns.sh's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

case "${1:-ffi}" in
  ffi | exec) program=("$(type -P node)" "$here/../dist/src/cli/main.js" "--backend=${1:-ffi}") ;;
  */*) program=("$@") ;;
  *)
    echo "usage: test/test.sh [ffi|exec|PROGRAM [ARGUMENT...]]   (PROGRAM contains a slash)" >&2
    exit 2
    ;;
esac
if [[ ! -e $here/netns.sh ]]; then
  echo "test/netns.sh has not been made: run scripts/netns." >&2
  exit 1
fi

# netns.sh splits its program at white space and expands wildcards in it. A path that contains either is reached by
# a link in the sandbox's /run instead.
inside='
set -euo pipefail
script=$1
shift
words=()
for word in "$@"; do
  if [[ $word == *[[:space:]*?[\\]* ]]; then
    mkdir -p "/run/words/${#words[@]}"
    link=/run/words/${#words[@]}/$(basename "$word" | tr "[:space:]*?[\\\\" _)
    ln -s "$(realpath "$word")" "$link"
    word=$link
  fi
  words+=("$word")
done
exec "$script" "${words[*]}" 2>&1
'
exec "$here/../scripts/sandbox" bash -c "$inside" netns "$here/netns.sh" "${program[@]}"

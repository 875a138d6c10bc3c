#!/usr/bin/env bash
# The steps of the scripts that machine.sh runs: what they say, expect and wait for. To be sourced by them.

explain() { journalctl --boot --no-pager --output=cat | tail -n 40; }
trap explain ERR

step() { echo "- $*"; }

# is WHAT WANTED FOUND
is() {
  [[ $2 == "$3" ]] && return
  printf '%s: found "%s", and not "%s"\n' "$1" "$3" "$2"
  explain
  exit 1
}

# until_is WHAT WANTED COMMAND...: waits half a minute for the output of the command.
until_is() {
  local found
  for ((attempt = 0; attempt < 300; attempt++)); do
    found=$("${@:3}" 2>&1) || true
    [[ $found != "$2" ]] || return 0
    sleep 0.1
  done
  is "$1" "$2" "$found"
}

# differs_from OLD COMMAND...: waits half a minute for another output of the command than the old one.
differs_from() {
  for ((attempt = 0; attempt < 300; attempt++)); do
    [[ $("${@:2}") == "$1" ]] || return 0
    sleep 0.1
  done
  is "a change of ${*:2}" "another than $1" "$1"
}

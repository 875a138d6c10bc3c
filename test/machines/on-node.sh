#!/usr/bin/env bash
# Runs a command with another version of Node.js as `node`.
#
#   test/machines/on-node.sh VERSION COMMAND [ARGUMENT...]
#
# The exit status is the command's, or 77 if that Node.js cannot be downloaded.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

node=$(scripts/node "$1")
shift
PATH=$(dirname "$node"):$PATH exec "$@"

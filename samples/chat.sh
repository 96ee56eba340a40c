#!/usr/bin/env bash
# Chats with a BLOOM model in the terminal: samples/chat.sh [OPTIONS]. Questions may be piped in, one a line. --help says more.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname -- "${BASH_SOURCE[0]}")/Shared/run.sh"
run_sample ConsoleChat "$@"

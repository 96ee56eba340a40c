#!/usr/bin/env bash
# Asks a BLOOM model about a folder of text files: samples/documents.sh [FOLDER] ["QUESTION"]. Without a question, at a prompt. --help says more.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname -- "${BASH_SOURCE[0]}")/Shared/run.sh"
run_sample DocumentQa "$@"

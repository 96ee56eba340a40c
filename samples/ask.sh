#!/usr/bin/env bash
# Asks a BLOOM model a question: samples/ask.sh "QUESTION" [PASSAGE-FILE]. Without a question the sample asks its own. --help says more.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname -- "${BASH_SOURCE[0]}")/Shared/run.sh"
run_sample QuestionAnswering "$@"

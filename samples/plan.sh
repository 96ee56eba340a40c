#!/usr/bin/env bash
# Shows which device would hold what of a model, before anything is loaded: samples/plan.sh --shape 176b --gpus 8x80GB. --help says more.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname -- "${BASH_SOURCE[0]}")/Shared/run.sh"
run_sample Plan "$@"

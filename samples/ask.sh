#!/usr/bin/env bash
# Asks a BLOOM model a question: samples/ask.sh "QUESTION" [PASSAGE-FILE]. Without a question the sample asks its own. --help says more.
set -euo pipefail

repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly repository
readonly project="$repository/samples/QuestionAnswering"
readonly program="$project/bin/Release/net10.0/QuestionAnswering.dll"
readonly stamp="$project/obj/ask.stamp" # holds the -p:Torch= of the last build, and its time
readonly torch=${Torch:-cpu}            # an environment variable is a property to MSBuild

build() {
  if [[ -e $program && -e $stamp && $(< "$stamp") == "$torch" ]] &&
    [[ -z $(find "$repository/src" "$project" "$repository"/*.props "$repository/global.json" \
      \( -name bin -o -name obj \) -prune -o -type f -newer "$stamp" -print -quit) ]]; then
    return
  fi

  echo 'building once…' >&2
  local output
  if ! output=$(cd -- "$repository" && dotnet build "$project" -c Release --nologo -v quiet 2>&1); then
    printf '%s\n' "$output" >&2
    echo 'The build failed.' >&2
    exit 1
  fi
  printf '%s' "$torch" > "$stamp"
}

names_model() {
  local argument
  for argument in "$@"; do
    case $argument in
      --model | --model=* | --help | -h) return 0 ;;
      --) return 1 ;;
    esac
  done
  return 1
}

"$repository/scripts/native-deps.sh"
build
if [[ -z ${LOCALBLOOM_MODEL:-} ]] && ! names_model "$@"; then
  export LOCALBLOOM_MODEL="$repository/tests/golden/models/safetensors-f32"
  echo 'No --model and no LOCALBLOOM_MODEL: this is a tiny random test model, and its answers are noise.' >&2
fi
exec dotnet exec "$program" "$@"

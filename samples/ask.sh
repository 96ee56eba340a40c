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
    [[ -z $(find "$repository/src" "$repository/samples/Shared" "$project" "$repository"/*.props "$repository/global.json" \
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

"$repository/scripts/native-deps.sh"
build
exec dotnet exec "$program" "$@"

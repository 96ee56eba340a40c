# For the samples' scripts: run_sample NAME ARGUMENTS… builds a sample where something changed since the last time, and becomes it.
# shellcheck shell=bash
set -euo pipefail

repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
readonly repository
readonly torch=${Torch:-cpu} # an environment variable is a property to MSBuild

build_sample() {
  local project=$1 program=$2 stamp="$1/obj/run.stamp" output # the stamp holds the -p:Torch= of the last build, and its time
  if [[ -e $program && -e $stamp && $(< "$stamp") == "$torch" ]] &&
    [[ -z $(find "$repository/src" "$repository/samples/Shared" "$repository/samples/passages" "$repository/samples/documents" "$project" \
      "$repository"/Directory.Build.* "$repository"/*.props "$repository/global.json" \
      \( -name bin -o -name obj \) -prune -o -type f -newer "$stamp" -print -quit) ]]; then
    return
  fi

  echo 'building once…' >&2
  if ! output=$(cd -- "$repository" && dotnet build "$project" -c Release --nologo -v quiet 2>&1); then
    printf '%s\n' "$output" >&2
    echo 'The build failed.' >&2
    exit 1
  fi
  printf '%s' "$torch" > "$stamp"
}

run_sample() {
  local name=$1
  local project="$repository/samples/$name"
  local program="$project/bin/Release/net10.0/$name.dll"
  shift
  "$repository/scripts/native-deps.sh"
  build_sample "$project" "$program"
  exec dotnet exec "$program" "$@"
}

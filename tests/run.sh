#!/usr/bin/env bash
# Builds the solution and runs every test project under tests/. Arguments go to the xunit runners, for example
#   tests/run.sh -class '*TokenizerTests' -trait- Category=slow
# The last line is the total: "N passed, N failed" or "N passed, N failed, N skipped".
# LOCALBLOOM_NO_BUILD=1 runs what is built already.
set -euo pipefail
shopt -s nullglob

repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly repository
readonly configuration=Release

reports=$(mktemp -d)
readonly reports
trap 'rm -rf -- "$reports"' EXIT

build() {
  local output
  echo "building ($configuration)…"
  if ! output=$(cd -- "$repository" && dotnet build LocalBloom.AI.sln -c "$configuration" --nologo -v quiet 2>&1); then
    printf '%s\n' "$output" >&2
    echo 'The build failed; no test ran.' >&2
    exit 1
  fi
}

# Prints "passed failed skipped" of an xunit report. Errors outside tests (fixtures, clean-up) count as failures.
count() {
  awk '
    function attribute(name) { return match($0, "[[:space:]]" name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) + 0 : 0 }
    BEGIN { RS = "<" }
    !seen && /^assembly[[:space:]]/ { seen = 1; passed += attribute("passed"); failed += attribute("failed") + attribute("errors"); skipped += attribute("skipped") }
    /^\/assemblies>/ { complete = 1 }
    END { if (!seen || !complete) exit 1; print passed + 0, failed + 0, skipped + 0 }' "$1"
}

main() {
  "$repository/scripts/native-deps.sh"
  [[ -n ${LOCALBLOOM_NO_BUILD:-} ]] || build

  local project name report status counts p f s passed=0 failed=0 skipped=0
  local -a plain=()
  [[ -t 1 ]] || plain=(-noColor)
  for project in "$repository"/tests/*/*.Tests.csproj; do
    name=$(basename -- "$project" .csproj)
    report="$reports/$name.xml"
    echo "== $name"
    status=0
    dotnet exec "$(dirname -- "$project")/bin/$configuration/net10.0/$name.dll" -noLogo ${plain[@]+"${plain[@]}"} -xml "$report" "$@" || status=$?
    if [[ -s $report ]] && counts=$(count "$report"); then
      read -r p f s <<< "$counts"
      if ((status != 0 && f == 0)); then
        echo "$name reported no failure but ended with status $status: counted as one." >&2
        f=1
      fi
    else
      echo "$name ended with status $status and left no report: counted as one failure." >&2
      p=0 f=1 s=0
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done

  local totals="$passed passed, $failed failed"
  ((skipped == 0)) || totals+=", $skipped skipped"
  local code=0
  if ((failed > 0)); then
    code=1
  elif ((passed == 0)); then
    echo 'No test ran.' >&2
    code=1
  fi
  printf '%s\n' "$totals"
  return "$code"
}

main "$@"

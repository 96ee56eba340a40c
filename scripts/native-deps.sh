#!/usr/bin/env bash
# Makes sure that the machine can build and run: the .NET 10 SDK, and a C++ runtime new enough for TorchSharp's native library.
# Changes nothing where both are there. Called by samples/*.sh, tests/run.sh and .ci/run; may be called alone.
#
# For tests: LOCALBLOOM_DEPS_ROOT (look under this folder in place of /, say what would be done, and do nothing) and
# LOCALBLOOM_DEPS_SYSTEM (in place of what `uname -s` says).
set -euo pipefail

readonly needed='GLIBCXX_3.4.32'
readonly suite='trixie'
readonly root=${LOCALBLOOM_DEPS_ROOT:-}
readonly sources="$root/etc/apt/sources.list.d/localbloom-$suite.sources"
readonly preferences="$root/etc/apt/preferences.d/localbloom-$suite"
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

check_dotnet() {
  command -v dotnet > /dev/null ||
    fail 'The .NET 10 SDK is missing: install it from https://dotnet.microsoft.com/download/dotnet/10.0 and put dotnet on the PATH.'
  (cd -- "$repository" && dotnet --version > /dev/null 2>&1) ||
    fail "dotnet is here, but not the .NET 10 SDK that global.json asks for: install it from https://dotnet.microsoft.com/download/dotnet/10.0."
}

# The C++ runtime that the dynamic loader would take: LD_LIBRARY_PATH first, then the loader's cache, then the usual folders.
find_runtime() {
  local folder file
  if [[ -z $root ]]; then
    local -a folders=()
    IFS=: read -ra folders <<< "${LD_LIBRARY_PATH:-}"
    for folder in ${folders[@]+"${folders[@]}"}; do
      if [[ -n $folder && -e $folder/libstdc++.so.6 ]]; then
        printf '%s\n' "$folder/libstdc++.so.6"
        return
      fi
    done
    file=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2> /dev/null | awk -v arch="$(uname -m)" '
      $1 == "libstdc++.so.6" && (arch == "x86_64" ? /x86-64/ : arch == "aarch64" ? /AArch64/ : 1) { print $NF; exit }') || true
    if [[ -n $file ]]; then
      printf '%s\n' "$file"
      return
    fi
  fi
  for file in "$root"/usr/lib/*-linux-gnu/libstdc++.so.6 "$root"/usr/lib64/libstdc++.so.6 "$root"/usr/lib/libstdc++.so.6; do
    if [[ -e $file ]]; then
      printf '%s\n' "$file"
      return
    fi
  done
}

runtime_is_new_enough() {
  local file=$1
  [[ -n $file ]] && grep -aqF "$needed" -- "$file"
}

is_musl() {
  compgen -G "$root/lib/ld-musl-*" > /dev/null && ! compgen -G "$root/lib*/ld-linux-*" > /dev/null
}

os_release() {
  local key=$1
  [[ -r $root/etc/os-release ]] || return 0
  # shellcheck source=/dev/null
  (. "$root/etc/os-release" && printf '%s' "${!key:-}")
}

# Prints "URI" and, where given, "keyring" of the system's own Debian source, from either of apt's formats.
own_source() {
  local codename=$1 file
  local -a deb822=() one_line=()
  for file in "$root"/etc/apt/sources.list.d/*.sources; do [[ -r $file ]] && deb822+=("$file"); done
  for file in "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*.list; do [[ -r $file ]] && one_line+=("$file"); done
  {
    for file in ${deb822[@]+"${deb822[@]}"}; do
      awk -v codename="$codename" '
        function flush() { if (uri && enabled && ours) print uri, keyring; uri = keyring = ""; enabled = 1; ours = 0 }
        BEGIN { enabled = 1 }
        /^#/ { next }
        /^[ \t]*$/ { flush(); next }
        { key = tolower($1) }
        key == "uris:" { uri = $2 }
        key == "suites:" { for (i = 2; i <= NF; i++) if ($i == codename) ours = 1 }
        key == "signed-by:" && $2 ~ /^\// { keyring = $2 }
        key == "enabled:" && tolower($2) == "no" { enabled = 0 }
        END { flush() }' "$file"
    done
    for file in ${one_line[@]+"${one_line[@]}"}; do
      awk -v codename="$codename" '
        $1 == "deb" {
          keyring = ""
          if (match($0, /\[[^]]*\]/)) {
            options = substr($0, RSTART, RLENGTH)
            $0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
            if (match(options, /signed-by=[^] ]*/)) keyring = substr(options, RSTART + 10, RLENGTH - 10)
          }
          if ($3 == codename && $2 !~ /^cdrom:/) print $2, keyring
        }' "$file"
    done
  } | awk 'NR == 1'
}

offers_suite() {
  local file
  for file in "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*.list "$root"/etc/apt/sources.list.d/*.sources; do
    [[ -r $file ]] || continue
    # One line: deb [options] URI SUITE …; deb822: Suites: SUITE …
    if grep -Eq "^(deb([[:space:]]+\[[^]]*\])?[[:space:]]+[^[:space:]]+|[Ss]uites:(.*[[:space:]])?)[[:space:]]*$suite([[:space:]]|\$)" "$file"; then
      return 0
    fi
  done
  return 1
}

source_text() {
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$1" "$suite"
  [[ -z ${2:-} ]] || printf 'Signed-By: %s\n' "$2"
}

preferences_text() {
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$suite"
}

print_commands() {
  local uri=$1 keyring=$2
  if [[ -n $uri ]]; then
    say "  sudo tee /etc/apt/sources.list.d/localbloom-$suite.sources << END"
    source_text "$uri" "$keyring" >&2
    say 'END'
    say "  sudo tee /etc/apt/preferences.d/localbloom-$suite << END"
    preferences_text >&2
    say 'END'
  fi
  say '  sudo apt-get update'
  say "  sudo apt-get install -t $suite libstdc++6"
}

as_root() {
  if [[ -n $root ]]; then
    say "would run: $*"
  elif [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

may_be_root() {
  [[ -n $root || $(id -u) == 0 ]] || { command -v sudo > /dev/null && sudo -n true 2> /dev/null; }
}

person_is_there() { [[ -t 0 && -t 1 && -z ${CI:-} ]]; }

write_file() {
  local path=$1
  if [[ -n $root ]]; then
    say "would write: $path"
    cat > /dev/null
  else
    as_root tee -- "$path" > /dev/null
  fi
}

upgrade_debian() {
  local uri='' keyring=''
  if ! offers_suite; then
    read -r uri keyring <<< "$(own_source bookworm)" || true
    [[ -n $uri ]] || fail "TorchSharp's native library needs $needed (libstdc++ of GCC 13), and no Debian source for bookworm was found under" \
      "$root/etc/apt to take Debian $suite's package from: install libstdc++6 of Debian 13 by hand."
  fi

  say "TorchSharp's native library needs $needed; Debian 12 has an older libstdc++."
  say "Cure: ${uri:+add Debian $suite as a source of priority 100 (so that nothing else moves to it), and }install libstdc++6 from $suite; libc6 moves along."
  if ! may_be_root; then
    say 'That needs root, and there is no sudo without a password here. Run this, then try again:'
    print_commands "$uri" "$keyring"
    exit 1
  fi
  if person_is_there; then
    local answer=''
    read -rp 'Do it now? [y/N] ' answer
    if [[ ! $answer =~ ^[Yy]([Ee][Ss])?$ ]]; then
      say 'Nothing was changed. The commands are:'
      print_commands "$uri" "$keyring"
      exit 1
    fi
  else
    say 'Doing it now:'
    print_commands "$uri" "$keyring"
  fi

  if [[ -n $uri ]]; then
    source_text "$uri" "$keyring" | write_file "$sources"
    preferences_text | write_file "$preferences"
  fi
  as_root apt-get update -q >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -t "$suite" libstdc++6 >&2
  [[ -n $root ]] || runtime_is_new_enough "$(find_runtime)" || fail "libstdc++6 was installed, but $(find_runtime) still lacks $needed."
}

explain_other() {
  local id like version
  id=$(os_release ID)
  like=" $id $(os_release ID_LIKE) "
  version=$(os_release VERSION_ID)
  say "TorchSharp's native library needs $needed (libstdc++ of GCC 13 or newer), which this system${id:+ ($id $version)} lacks."
  case $like in
    *' ubuntu '*)
      say 'Ubuntu 24.04 has it. On an older Ubuntu: sudo add-apt-repository ppa:ubuntu-toolchain-r/test && sudo apt-get install libstdc++6'
      ;;
    *' debian '*) say 'Debian 13 has it; Debian 12 can take it from there. Upgrade to one of them.' ;;
    *) say 'Upgrade the C++ runtime with the system'\''s package manager.' ;;
  esac
  fail "Or, without root, with conda: conda install -c conda-forge 'libstdcxx-ng>=13' and export LD_LIBRARY_PATH=\$CONDA_PREFIX/lib"
}

check_runtime() {
  case ${LOCALBLOOM_DEPS_SYSTEM:-$(uname -s)} in
    Linux) ;;
    Darwin | MINGW* | MSYS* | CYGWIN*) return ;; # torch's packages for macOS and Windows bring what they need
    *) say 'TorchSharp has native packages for Linux (glibc), macOS on ARM64 and Windows; none is known for this system. Trying anyway.'; return ;;
  esac
  if is_musl; then
    fail 'TorchSharp has no native package for musl (Alpine): use a system with glibc, such as Debian 13 or Ubuntu 24.04.'
  fi
  local runtime
  runtime=$(find_runtime)
  if runtime_is_new_enough "$runtime"; then
    return
  fi
  if [[ -z $root && -n $runtime && ":${LD_LIBRARY_PATH:-}:" == *":${runtime%/*}:"* ]]; then
    fail "TorchSharp's native library needs $needed, but LD_LIBRARY_PATH puts an older C++ runtime first ($runtime): take that folder out of it."
  fi
  if [[ $(os_release ID) == debian && $(os_release VERSION_ID) == 12 ]]; then
    upgrade_debian
  else
    explain_other
  fi
}

check_runtime
[[ -n $root ]] || check_dotnet

#!/bin/sh
# Installs the executable of a release of vllm-router, after comparing its checksum:
#
#   sh install.sh
#   PREFIX="$HOME/.local" VERSION=0.1.0 sh install.sh
#
# PREFIX    the executable becomes $PREFIX/bin/vllm-router; default /usr/local
# VERSION   the release to install; default: the one that this script belongs to
# BASE_URL  where the releases are, for a mirror: files are read from $BASE_URL/download/v$VERSION/
#
# Needs curl or wget, and sha256sum or shasum. If anything fails, nothing is installed or changed.
set -eu

# The release workflow replaces both.
RELEASE_REPOSITORY=@REPOSITORY@
RELEASE_VERSION=@VERSION@

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The name of this machine's executable in a release.
executable() {
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) fail "this script installs on Linux and macOS, not on $system; look at the files of the release" ;;
  esac
  case $machine in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) fail "there is no executable for $system on $machine, only for x86_64 and arm64" ;;
  esac
  if [ "$os" = linux ] && has ldd && ldd --version 2>&1 | grep -qi musl; then
    fail "the executable needs glibc, this system has musl; use the image or a checkout"
  fi
  echo "vllm-router-$os-$cpu"
}

# Writes the file at a URL to a path. Fails if it is not there, is cut off, or stalls for 30 s.
download() {
  if has curl; then
    curl --fail --silent --show-error --location --connect-timeout 30 \
      --speed-limit 1 --speed-time 30 --output "$2" "$1"
  else
    wget -q -T 30 -t 1 -O "$2" "$1"
  fi || fail "$1 could not be downloaded"
}

sha256() {
  if has sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

main() {
  prefix=${PREFIX:-/usr/local}
  version=${VERSION:-$RELEASE_VERSION}
  version=${version#v}
  case $version in @*) fail "set VERSION: this script does not belong to a release" ;; esac
  base=${BASE_URL:-https://github.com/$RELEASE_REPOSITORY/releases}
  case $base in *github.com/@*) fail "set BASE_URL: this script does not belong to a release" ;; esac
  has curl || has wget || fail "curl or wget is needed"
  has sha256sum || has shasum || fail "sha256sum or shasum is needed"
  name=$(executable)

  # In the target folder, so that the last step is a rename: the old executable or the new one.
  mkdir -p "$prefix/bin" 2>/dev/null || true
  work=$(mktemp -d "$prefix/bin/.vllm-router.XXXXXX" 2>/dev/null) ||
    fail "$prefix/bin is not writable; run this as root, or set PREFIX to a folder that is"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  from=${base%/}/download/v$version
  download "$from/SHA256SUMS" "$work/SHA256SUMS"
  expected=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "$from/SHA256SUMS does not list $name"
  download "$from/$name" "$work/vllm-router"
  actual=$(sha256 "$work/vllm-router")
  [ "$actual" = "$expected" ] ||
    fail "$from/$name has the SHA-256 $actual, SHA256SUMS says $expected; nothing was installed"
  chmod 755 "$work/vllm-router"
  installed=$("$work/vllm-router" --version) || fail "$name does not run on this system; nothing was installed"
  mv -f "$work/vllm-router" "$prefix/bin/vllm-router"
  echo "$installed is installed as $prefix/bin/vllm-router"
}

# Last, so that a script that was cut off does nothing.
main

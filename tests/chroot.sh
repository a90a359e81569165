# Makes and enters Debian systems in folders of their own, for what this machine's Debian has not.
# Sourced by tests that need one; needs root. Each is made once and kept in $VW_CACHE.

# chroot_made FOLDER SUITE PACKAGES [OPTION...]: there is a Debian of that suite with these packages
# (by commas) in FOLDER; OPTIONs are mmdebstrap's. Without one: false, and $why says what is missing.
chroot_made() {
  local folder=$1 suite=$2 packages=$3 log=$1.log mark
  shift 3
  why=
  if [ "$(id -u)" != 0 ]; then
    why="a Debian of its own needs root"
    return 1
  fi
  mark=$suite:$packages:$*
  [ "$(cat "$folder/.whole" 2>/dev/null)" = "$mark" ] && return
  if ! command -v mmdebstrap >/dev/null; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q mmdebstrap; } >/dev/null 2>&1 || {
      why="mmdebstrap could not be had"
      return 1
    }
  fi
  mkdir -p "$(dirname "$folder")"
  rm -rf --one-file-system "$folder"
  if ! mmdebstrap --mode=root --aptopt='Acquire::Check-Valid-Until "false"' --variant=minbase "$@" \
    --include="$packages" "$suite" "$folder" http://deb.debian.org/debian >"$log" 2>&1; then
    tail -n 5 "$log"
    rm -rf --one-file-system "$folder"
    why="Debian $suite's $packages could not be had"
    return 1
  fi
  printf %s "$mark" >"$folder/.whole"
}

# Shared by the scripts of this directory; read by them with `.`, not run.
# shellcheck shell=sh

PATH=$PATH:/usr/sbin:/sbin

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    die "this must run as root, and there is no sudo: become root (su -) and start again. Wanted: $*"
  fi
}

# Guests' interfaces are taps; containers and minimal machines may lack the device.
need_tun() {
  [ ! -c /dev/net/tun ] || return 0
  as_root mkdir -p /dev/net
  as_root mknod -m 0666 /dev/net/tun c 10 200 \
    || die "/dev/net/tun is missing and could not be made: guests would have no network. Run on a machine, or in a container that may make devices."
}

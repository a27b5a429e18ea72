#!/bin/bash
# A rack of machines on this one: `control` and the hosts h1, h2, …, each in namespaces of its own (machine.sh), on one wire.
#
#   rack.sh run DIRECTORY HOSTS [ovn]      bring it up and keep it until standard input ends; then remove it, directory included
#   rack.sh exec DIRECTORY NAME COMMAND…   run a program on a machine
#   rack.sh crash DIRECTORY NAME           power failure: all of the machine dies at once
#   rack.sh boot DIRECTORY NAME            power on again, with the files it had
#   rack.sh cut|mend DIRECTORY NAME        pull and plug its cable; stays so over a power failure
#   rack.sh limit DIRECTORY NAME [RATE]    slow its cable down both ways, in tc's words (100mbit); without RATE, or by a
#                                          power failure, it is as fast as it was
#
# control is 10.77.0.1, the host hI 10.77.0.(10+I); names are known everywhere. Each machine has a /var/lib/skydeck of its
# own, and all have one /shared: what a shared file system would be. DIRECTORY is at the same path for all of them.
#
# With ovn, hosts have Open vSwitch and ovn-controller, and control has OVN's databases (ovn.sh). The host hI has a second cable,
# for tunnels, with the address 10.78.0.(10+I); all machines have a third one, `outside0`, to a physical network without addresses.
#
# The rack is a pid namespace around those of its machines, with a network and mounts of its own. Racks never meet, nothing
# leaves them, and when the rack's pid 1 goes, which waits on standard input, the kernel ends everything in it.
set -eu
self=$(readlink -f "$0")
machine=${self%/*}/machine.sh
PATH=$PATH:/usr/sbin:/sbin
# More would not fit beside a desktop, nor into the addresses.
MOST=60

die() { echo "rack: $*" >&2; exit 1; }

run() {
  local directory=$1 hosts=$2 engine=$3
  case $engine in '' | ovn) ;; *) die "there is no engine $engine: ovn, or none" ;; esac
  [ -z "$engine" ] || command -v ovn-controller >/dev/null || die "OVN is missing: install openvswitch-switch, ovn-central and ovn-host"
  case $directory in /tmp/skydeck-*) ;; *) die "refusing to use $directory" ;; esac
  case $hosts in '' | *[!0-9]*) die "how many hosts? $hosts is no number" ;; esac
  { [ "$hosts" -ge 1 ] && [ "$hosts" -le $MOST ]; } || die "from 1 to $MOST hosts, not $hosts"
  trap '' INT HUP TERM
  unshare --net --uts --ipc --mount --pid --fork --kill-child=KILL "$self" init "$directory" "$hosts" "$engine" || true
  [ -n "${SKYDECK_TEST_KEEP:-}" ] || rm -rf --one-file-system "$directory"
}

# Pid 1 of the rack. /proc stays the outer one: by it machines learn under which pid the outside knows them.
init() {
  local directory=$1 hosts=$2 engine=$3 pid name
  read -r pid _ </proc/self/stat
  mount --make-rprivate /
  mkdir -p "$directory/shared"
  own_root "$directory"
  # The settings of the machine's own cloud are not the rack's.
  [ ! -d /etc/skydeck ] || mount -t tmpfs none /etc/skydeck
  ip link set lo up
  # Machines learn of it again when their power comes back.
  [ -z "$engine" ] || touch "$directory/ovn"
  for name in fabric ${engine:+underlay outside}; do
    ip link add "$name" type bridge forward_delay 0
    ip link set "$name" up
  done
  local names=(control) booting=()
  printf '127.0.0.1 localhost\n' >"$directory/hosts"
  for name in $(seq "$hosts"); do names+=("h$name"); done
  for name in "${names[@]}"; do echo "$(address "$name") $name" >>"$directory/hosts"; done
  for name in "${names[@]}"; do
    mkdir -p "$directory/$name"
    cp "$directory/hosts" "$directory/$name/hosts"
    power_on "$directory" "$name" &
    booting+=($!)
  done
  for name in "${booting[@]}"; do wait "$name"; done
  echo "$pid" >"$directory/pid.new"
  mv "$directory/pid.new" "$directory/pid"
  while read -r _; do :; done
}

# Gives the rack a root directory that has /shared and /var/lib/skydeck to mount on, whether or not this machine has them:
# a new one in which everything else of this machine's is bound.
own_root() {
  local root=/run/root
  mount -t tmpfs -o mode=0755 none /run
  mkdir $root
  mount -t tmpfs -o mode=0755 none $root
  bind_all / $root
  mount -t tmpfs -o mode=0755 none $root/var/lib
  bind_all /var/lib $root/var/lib
  mkdir -p $root/shared $root/var/lib/skydeck
  mount --bind "$1/shared" $root/shared
  cd $root
  pivot_root . .
  umount -l .
  cd /
}

bind_all() {
  local from=${1%/} to=$2 entry place
  for entry in "$from"/*; do
    place=$to/${entry##*/}
    if [ -L "$entry" ]; then
      cp -P "$entry" "$place"
    elif [ "$entry" = /run ]; then
      mkdir "$place"
    elif [ -d "$entry" ]; then
      mkdir "$place"
      mount --rbind "$entry" "$place"
    elif [ -f "$entry" ]; then
      touch "$place"
      mount --bind "$entry" "$place"
    fi
  done
}

address() {
  case $1 in
    control) echo 10.77.0.1 ;;
    h*) echo "10.77.0.$((10 + ${1#h}))" ;;
  esac
}

# Starts a machine and waits until it is up; inside the rack.
power_on() {
  local directory=$1 name=$2 place=$1/$2 tries=0 starter fd engine=
  [ ! -e "$directory/ovn" ] || engine=ovn
  # Held open by the machine itself: it never ends.
  [ -p "$place/never" ] || mkfifo "$place/never"
  rm -f "$place/pid"
  (
    # Whoever asks may hold the pipe that keeps the rack: it must not live in the rack.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
    done
    exec setsid unshare --net --uts --ipc --mount --pid --fork --kill-child=KILL \
      "$machine" init "$place" "$name" "$(address "$name")" $engine \
      <>"$place/never" >>"$place/boot.log" 2>&1 7</proc/self/ns/net
  ) &
  starter=$!
  until [ -e "$place/pid" ]; do
    kill -0 $starter 2>/dev/null || { tail -n 5 "$place/boot.log" >&2; die "$name did not come up; its last words stand above"; }
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || die "$name is not up after a minute"
    sleep 0.05
  done
}

# pid NAME: of the machine's pid 1, as the outside knows it
pid() { cat "$directory/$1/pid" 2>/dev/null || die "there is no machine $1 that runs in $directory"; }

rack_pid() { cat "$directory/pid" 2>/dev/null || die "no rack runs in $directory"; }

in_rack() {
  local pid
  pid=$(rack_pid)
  nsenter -t "$pid" -n -u -i -m -p -- "$@"
}

crash() {
  local pid
  pid=$(pid "$1")
  rm "$directory/$1/pid"
  kill -KILL "$pid"
  timeout 20 tail -s 0.02 --pid="$pid" -f /dev/null || die "$1 does not end"
}

boot() {
  [ -d "$directory/$1/etc" ] || die "there is no machine $1 in $directory"
  [ ! -e "$directory/$1/pid" ] || die "$1 runs already"
  in_rack "$self" power-on "$directory" "$1"
}

limit() {
  local name=$1 rate=${2:-} host rack
  host=$(pid "$name")
  rack=$(rack_pid)
  limit_end "$rack" "$name" "$rate"
  limit_end "$host" fabric0 "$rate"
}

# limit_end PID INTERFACE RATE: one end of a cable, in the network of that process
limit_end() {
  if [ -n "$3" ]; then
    nsenter -t "$1" -n tc qdisc replace dev "$2" root tbf rate "$3" burst 128kb latency 100ms
  else
    # There may be none.
    nsenter -t "$1" -n tc qdisc delete dev "$2" root 2>/dev/null || true
  fi
}

# cables NAME up|down
cables() {
  in_rack ip link set "$1" "$2"
  [ -e "$directory/ovn" ] || return 0
  in_rack ip link set "$1-p" "$2"
  [ "$1" = control ] || in_rack ip link set "$1-t" "$2"
}

usage() { sed -n 's/^#   //p' "$self" >&2; exit 2; }
[ $# -ge 3 ] || usage
directory=$2
case $1 in
  run) run "$2" "$3" "${4:-}" ;;
  init) init "$2" "$3" "$4" ;;
  power-on) power_on "$2" "$3" ;;
  exec)
    pid=$(pid "$3")
    exec nsenter -t "$pid" -n -u -i -m -p -- "${@:4}"
    ;;
  crash) crash "$3" ;;
  boot) boot "$3" ;;
  cut)
    touch "$directory/$3/cut"
    cables "$3" down
    ;;
  mend)
    rm -f "$directory/$3/cut"
    cables "$3" up
    ;;
  limit) limit "$3" "${4:-}" ;;
  *) usage ;;
esac

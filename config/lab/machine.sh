#!/bin/bash
# A private machine, in namespaces of its own (mount, pid, network, uts, ipc).
#
#   machine.sh run DIRECTORY        bring it up and keep it until standard input ends; then remove it, directory included
#   machine.sh init DIRECTORY [NAME ADDRESS [ovn]]
#                                   (its pid 1, started by `run`, or by rack.sh for a machine on a wire)
#   machine.sh libvirtd start|stop  (inside) start or stop its libvirtd and wait until that is so
#
# libvirt's places are compiled in; here DIRECTORY's etc, lib, run, cache and log lie over them, and skydeck over
# /var/lib/skydeck. When pid 1 goes, the kernel ends everything inside, guests included: closing standard input, or dying,
# is enough to clean up. libvirt uses no cgroups in it, so that nothing of it can be left behind in the machine's.
#
# On a wire, its interface `fabric0` has the ADDRESS and its libvirtd listens there. Descriptor 7 is the network namespace
# in which the wire's bridge, `fabric`, is. With ovn it has Open vSwitch and OVN (ovn.sh) and two more cables: `tunnel0` for
# tunnels, with an address that differs in its second number, and `outside0` to a physical network. What is in DIRECTORY, such as the host's uuid, is that of its first start; a
# program `start` in it runs whenever the machine comes up, with its output in start.log.
set -eu
self=$(readlink -f "$0")
PATH=$PATH:/usr/sbin:/sbin

run() {
  local directory=$1
  case $directory in /tmp/skydeck-*) ;; *) echo "refusing to use $directory" >&2; exit 2 ;; esac
  trap '' INT HUP TERM
  unshare --net --uts --ipc --mount --pid --fork --kill-child=KILL "$self" init "$directory" || true
  [ -n "${SKYDECK_TEST_KEEP:-}" ] || rm -rf --one-file-system "$directory"
}

write_configuration() {
  local directory=$1 address=$2 uuid
  mkdir -p "$directory"/{etc,lib,run,cache,log,skydeck} "$directory"/etc/{qemu/networks,nwfilter,storage,secrets} "$directory"/lib/{qemu,images,boot}
  chmod 0755 "$directory"/{etc,lib,run,cache,log}
  chmod 0700 "$directory/skydeck"
  [ ! -e "$directory/machine-id" ] || return 0
  uuid=$(cat /proc/sys/kernel/random/uuid)
  [ -e "$directory/hosts" ] || printf '127.0.0.1 localhost\n127.0.1.1 testhost\n' >"$directory/hosts"
  cat >"$directory/etc/libvirtd.conf" <<C
host_uuid = "$uuid"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
C
  echo 'log_outputs = "3:file:/var/log/libvirt/virtlogd.log"' >"$directory/etc/virtlogd.conf"
  printf 'security_driver = "none"\ncgroup_controllers = []\n' >"$directory/etc/qemu.conf"
  [ -z "$address" ] || write_migration "$directory" "$address"
  echo "${uuid//-/}" >"$directory/machine-id"
}

# What guests need to move between hosts. They run as root: a disk that two hosts see must not change its owner with them.
# Nobody but the rack is on the wire, so libvirtd asks nobody there who they are.
write_migration() {
  local directory=$1 address=$2
  cat >>"$directory/etc/libvirtd.conf" <<C
listen_tls = 0
listen_tcp = 1
listen_addr = "$address"
auth_tcp = "none"
C
  cat >>"$directory/etc/qemu.conf" <<C
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
migration_host = "$address"
migration_address = "$address"
C
}

# Puts the machine on the wire. A cable that was cut stays so (see rack.sh).
plug_in() {
  local directory=$1 name=$2 address=$3 engine=$4
  cable fabric0 "$name" fabric "$address"
  ip address add "$address/24" dev fabric0
  ip link set fabric0 up
  if [ "$engine" = ovn ]; then
    [ "$name" = control ] || cable tunnel0 "$name-t" underlay "$(tunnel_address "$address")"
    cable outside0 "$name-p" outside "${address/10.77./10.79.}"
    # At the other end is a switch that takes packets as they are.
    ethtool -K outside0 tx off >/dev/null
  fi
  exec 7<&-
}

tunnel_address() { echo "${1/10.77./10.78.}"; }

# cable INTERFACE OUTSIDE BRIDGE ADDRESS: its end there is OUTSIDE, on the bridge; ADDRESS makes its hardware address
cable() {
  local fabric=/proc/self/fd/7
  # That of a machine which has just lost its power may still be there.
  nsenter --net=$fabric ip link delete "$2" 2>/dev/null || true
  # Always the same hardware address: others remember it.
  # shellcheck disable=SC2086 # four numbers
  ip link add "$1" address "$(printf '02:00:%02x:%02x:%02x:%02x' ${4//./ })" type veth peer name "$2" netns $fabric
  nsenter --net=$fabric ip link set "$2" master "$3"
  [ -e "$directory/cut" ] || nsenter --net=$fabric ip link set "$2" up
}

# What it has of OVN. Its output is kept: the daemons go on holding it.
switch() {
  local directory=$1 name=$2 address=$3
  if [ "$name" = control ]; then
    "${self%/*}/ovn.sh" central "$directory" "$address"
  else
    "${self%/*}/ovn.sh" host "$directory" "$(tunnel_address "$address")"
  fi
}

init() {
  local directory=$1 name=${2:-testhost} address=${3:-} engine=${4:-} pid place
  # Still the outer /proc: this is the pid by which the test finds the namespaces.
  read -r pid _ </proc/self/stat
  mount --make-rprivate /
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=0755 run /run
  hostname "$name"
  write_configuration "$directory" "$address"
  # What a power failure left there.
  rm -rf "$directory"/run/*
  mkdir -p /run/libvirt /run/netns /run/lock
  # As udev would have it. Where the guests' user may not open a KVM that root may, libvirt takes what it has learned of
  # QEMU for outdated and learns it anew at each call, which takes seconds.
  if [ -c /dev/kvm ]; then
    mknod -m 0660 /run/kvm c 10 232
    chgrp kvm /run/kvm
    mount --bind /run/kvm /dev/kvm
  fi
  for place in etc:/etc/libvirt lib:/var/lib/libvirt run:/run/libvirt cache:/var/cache/libvirt log:/var/log/libvirt \
    skydeck:/var/lib/skydeck hosts:/etc/hosts machine-id:/etc/machine-id; do
    [ -e "${place#*:}" ] || continue
    mount --bind "$directory/${place%%:*}" "${place#*:}"
  done
  ip link set lo up
  [ -z "$address" ] || plug_in "$directory" "$name" "$address" "$engine"
  [ "$engine" != ovn ] || switch "$directory" "$name" "$address"
  virtlogd -d -f /etc/libvirt/virtlogd.conf -p /run/libvirt/virtlogd.pid
  libvirtd_start
  [ ! -x "$directory/start" ] || "$directory/start" </dev/null >>"$directory/start.log" 2>&1 &
  echo "$pid" >"$directory/pid.new"
  mv "$directory/pid.new" "$directory/pid"
  while read -r _; do :; done
}

libvirtd_start() {
  local tries=0 listen=()
  ! grep -q '^listen_tcp' /etc/libvirt/libvirtd.conf || listen=(--listen)
  libvirtd -d "${listen[@]}" -f /etc/libvirt/libvirtd.conf -p /run/libvirt/libvirtd.pid
  until timeout 10 virsh -q -c qemu:///system uri >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo "libvirtd does not answer" >&2; exit 1; }
    sleep 0.05
  done
}

libvirtd_stop() {
  local pid
  pid=$(cat /run/libvirt/libvirtd.pid)
  kill "$pid"
  timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
}

case $1 in
  run) run "$2" ;;
  init) init "${@:2}" ;;
  libvirtd) "libvirtd_$2" ;;
  *) exit 2 ;;
esac

#!/bin/bash
# Open vSwitch and OVN of one machine of a rack, as Debian packages them, started past systemd (by machine.sh, inside).
#
#   ovn.sh host DIRECTORY ADDRESS       Open vSwitch and ovn-controller; OVN's tunnels end at ADDRESS
#   ovn.sh central DIRECTORY ADDRESS    OVN's databases on ADDRESS, ports 6641 (northbound) and 6642 (southbound), and ovn-northd
#
# Sockets are in DIRECTORY/ovs, which lies over /run/openvswitch and /run/ovn, so that libvirt and the outside find them;
# databases are kept beside, over a power failure as well, and what lies over /etc/openvswitch. Packets are carried by Open vSwitch itself, whatever the kernel
# has: tunnels then end at a bridge of it that has the interface `tunnel0` and the address. Nobody is told yet where OVN's
# databases are; that is the agent's part.
set -eu
PATH=$PATH:/usr/sbin:/sbin
SCHEMAS=/usr/share

places() {
  local name
  for name in openvswitch ovn; do
    mkdir -p "$1/ovs/$name" "/run/$name"
    # What a power failure left there.
    rm -rf "$1/ovs/$name"/*
    mount --bind "$1/ovs/$name" "/run/$name"
  done
  mkdir -p "$1/ovs/etc"
  mount --bind "$1/ovs/etc" /etc/openvswitch
}

# database FILE SCHEMA OPTIONS…
database() {
  local file=$1 schema=$2
  [ -e "$file" ] || ovsdb-tool create "$file" "$SCHEMAS/$schema.ovsschema"
  ovsdb-server "$file" "${@:3}" --detach --no-chdir -vconsole:off
}

host() {
  local directory=$1 address=$2 log=$1/log daemon=(--pidfile --detach --no-chdir -vconsole:off)
  places "$directory"
  database "$directory/ovs/conf.db" openvswitch/vswitch --remote=punix:/run/openvswitch/db.sock --pidfile --log-file="$log/ovsdb.log"
  ovs-vsctl --no-wait init
  ovs-vswitchd "${daemon[@]}" --log-file="$log/ovs-vswitchd.log"
  ip link set tunnel0 up
  ovs-vsctl --may-exist add-br br-tun -- set bridge br-tun datapath_type=netdev -- --may-exist add-port br-tun tunnel0
  ip address add "$address/24" dev br-tun
  ip link set br-tun up
  ovn-controller "${daemon[@]}" --log-file="$log/ovn-controller.log" unix:/run/openvswitch/db.sock
}

central() {
  local directory=$1 address=$2 log=$1/log name port schema root
  places "$directory"
  for name in nb:6641 sb:6642; do
    port=${name#*:} name=${name%:*}
    # As Debian's start has it: connections, and certificates for them, may be said in the database.
    case $name in nb) schema=OVN_Northbound root=NB_Global ;; sb) schema=OVN_Southbound root=SB_Global ;; esac
    database "$directory/ovs/$name.db" "ovn/ovn-$name" --remote="punix:/run/ovn/ovn${name}_db.sock" --remote="ptcp:$port:$address" \
      --remote="db:$schema,$root,connections" --private-key="db:$schema,SSL,private_key" \
      --certificate="db:$schema,SSL,certificate" --ca-cert="db:$schema,SSL,ca_cert" \
      --unixctl="/run/ovn/ovn${name}_db.ctl" --pidfile="/run/ovn/ovn${name}_db.pid" --log-file="$log/ovn-$name.log"
  done
  ovn-nbctl init
  ovn-sbctl init
  ovn-northd --ovnnb-db=unix:/run/ovn/ovnnb_db.sock --ovnsb-db=unix:/run/ovn/ovnsb_db.sock \
    --pidfile --detach --no-chdir -vconsole:off --log-file="$log/ovn-northd.log"
}

case $1 in
  host | central) "$@" ;;
  *) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac

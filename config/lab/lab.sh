#!/bin/bash
# A cloud of several hosts on this machine, to try things on, with the console open on it. Leaving the console takes all of
# it away.
#
#   lab.sh PROGRAM [HOSTS] [IMAGE] [ENGINE]
#
# PROGRAM is skydeck; IMAGE a qcow2 file that is brought in as `guest`; ENGINE what carries networks between hosts: bridge, or
# ovn, with a physical network `physnet1` on which the control machine is 172.24.4.1. Everything is in a rack (rack.sh): RabbitMQ and the
# console, which is the control process, on its control machine, and `skydeck agent` on each host. Nothing of this machine
# is used or changed but the directory below.
#
# SKYDECK_AGENT_VIRT_TYPE, kvm or qemu, decides how guests run where finding out by itself would take too long.
#
# Invariant: whoever holds the lock on the directory is the lab. The rack ends with this script, however that ends; what
# stays of a lab that was killed is the directory, and the next start removes it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../setup/common.sh
. "$here/../setup/common.sh"
say() { echo "lab: $*" >&2; }

# Tests have labs of their own.
directory=${LAB_DIRECTORY:-/tmp/skydeck-lab}
rack=$here/rack.sh
# File descriptors: the lock, and the pipe that keeps the rack. Nobody who is started may hold either.
lock='' keep='' keeper='' ours=''
let_go() {
  local fd
  for fd in $lock $keep; do eval "exec $fd>&-"; done
}

# into NAME COMMAND…: becomes the command on a machine of the rack; for subshells and what runs beside
into() {
  let_go
  exec "$rack" exec "$directory" "$@"
}

check() {
  local program package
  [ "$(id -u)" = 0 ] || die "this must run as root, for it makes namespaces and guests: make lab does so by sudo"
  { [ -t 0 ] && [ -t 1 ]; } || die "this needs a terminal, for the console opens in it"
  case $directory in /tmp/skydeck-*) ;; *) die "a lab's directory is /tmp/skydeck-…, not $directory" ;; esac
  [ -x "$PROGRAM" ] || die "there is no program $PROGRAM: make build makes it"
  while read -r program package; do
    command -v "$program" >/dev/null || die "$program is missing: install the package $package (make lab does so)"
  done <<'C'
virsh libvirt-clients
libvirtd libvirt-daemon-system
qemu-system-x86_64 qemu-system-x86
qemu-img qemu-utils
dnsmasq dnsmasq-base
nft nftables
radvd radvd
rabbitmq-server rabbitmq-server
curl curl
C
  case $ENGINE in
    bridge) ;;
    ovn)
      for program in ovs-vswitchd ovn-northd ovn-controller ethtool; do
        command -v $program >/dev/null || die "$program is missing: install what is listed in config/lab/ovn.packages (make lab ENGINE=ovn does so)"
      done
      ;;
    *) die "there is no engine $ENGINE: bridge or ovn" ;;
  esac
  need_tun
}

# Makes the directory ours, and free of what a lab that was killed left.
claim() {
  if [ -e "$directory" ] || [ -L "$directory" ]; then
    { [ -d "$directory" ] && [ ! -L "$directory" ] && [ -O "$directory" ]; } \
      || die "$directory is in the way: it is not root's own directory. Look what it is, and remove it."
    exec {lock}<"$directory"
    flock -w 5 "$lock" || die "a lab runs already: leave its console first (it has $directory)"
    remove_left_overs
    exec {lock}<&-
    lock=''
  fi
  mkdir -m 0700 "$directory" || die "another lab has just started"
  exec {lock}<"$directory"
  flock -n "$lock" || die "another lab has just started"
  ours=yes
}

remove_left_overs() {
  local tries=0 pid
  say "removing what the last lab left"
  # It may be at it itself.
  while pgrep -f "rack.sh run $directory " >/dev/null && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  pid=$(cat "$directory/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && grep -aq "rack.sh.init.$directory" "/proc/$pid/cmdline" 2>/dev/null; then
    kill -KILL "$pid"
    timeout 20 tail -s 0.05 --pid="$pid" -f /dev/null || die "the last lab does not end: kill process $pid"
  fi
  rm -rf --one-file-system "$directory"
}

leave() {
  local status=$?
  trap '' INT HUP TERM
  if [ -n "$keeper" ]; then
    say "taking everything away"
    exec {keep}>&-
    wait "$keeper" || true
  fi
  [ -z "$ours" ] || rm -rf --one-file-system "$directory"
  exit $status
}

# Settings that hold the broker's password.
settings() {
  umask 077
  cat >"$1"
  umask 022
}

up() {
  local name password memory bus network='' own='' ovn='' pids=()
  [ "$ENGINE" = bridge ] || ovn=ovn
  say "starting a control machine and $HOSTS hosts"
  # A lab's settings are its own.
  for name in $(compgen -e SKYDECK_); do unset "$name"; done
  export XDG_CONFIG_HOME="$directory"
  mkfifo "$directory/keep"
  (let_go; exec "$rack" run "$directory" "$HOSTS" $ovn <"$directory/keep" >&2) &
  keeper=$!
  exec {keep}>"$directory/keep"
  until [ -e "$directory/pid" ]; do
    kill -0 $keeper 2>/dev/null || { keeper=''; die "the rack did not come up; the reason stands above"; }
    sleep 0.05
  done

  say "starting RabbitMQ"
  password=$(tr -d - </proc/sys/kernel/random/uuid)
  mkdir -m 0700 "$directory/broker"
  printf 'listeners.tcp.1 = 10.77.0.1:5672\ndefault_user = skydeck\ndefault_pass = %s\n' "$password" | settings "$directory/broker/rabbitmq.conf"
  mkfifo "$directory/broker/never"
  into control "$here/broker.sh" "$directory/broker" 25672 4369 <>"$directory/broker/never" >"$directory/broker/out.log" 2>&1 &
  pids+=($!)

  say "starting an agent on each host"
  bus="[bus]
url = \"amqp://skydeck:$password@10.77.0.1:5672\""
  for name in $(seq -f h%.0f "$HOSTS"); do
    [ -z "$ovn" ] || own="tunnel_ip = \"10.78.0.$((10 + ${name#h}))\"
physical_networks = [\"physnet1:outside0\"]"
    settings "$directory/$name/agent.toml" <<C
data_dir = "/var/lib/skydeck"
$bus
[agent]
host = "$name"
migration_uri = "qemu+tcp://$name/system"
virt_type = "$VIRT_TYPE"
$own
C
    # The host starts it itself when its power comes back.
    printf '#!/bin/sh\nexec "%s" agent --config %s/agent.toml\n' "$PROGRAM" "$directory/$name" >"$directory/$name/start"
    chmod 0755 "$directory/$name/start"
    into "$name" "$directory/$name/start" </dev/null >"$directory/$name/start.log" 2>&1 &
    pids+=($!)
  done
  # That they end with the rack is no news.
  disown "${pids[@]}"
  if [ -n "$ovn" ]; then
    (into control ip address add 172.24.4.1/24 dev outside0)
    (into control ip link set outside0 up)
    network="[network]
engine = \"ovn\"
ovn_northbound = \"tcp:10.77.0.1:6641\"
ovn_southbound = \"tcp:10.77.0.1:6642\""
  fi
  # Each host takes all of this machine's memory for its own: what is promised to guests has to fit all the same.
  memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
  settings "$directory/control/skydeck.toml" <<C
data_dir = "$directory/control/data"
$bus
[agent]
enabled = false
[compute]
reserved_host_memory_mb = $((memory - memory * 2 / 3 / HOSTS))
$network
C

  say "waiting for RabbitMQ"
  until (into control bash -c 'exec 3<>/dev/tcp/10.77.0.1/5672') 2>/dev/null; do
    for name in "${pids[@]}"; do
      kill -0 "$name" 2>/dev/null || die "something ended that should run: $(tail -n 3 "$directory/broker/out.log" "$directory"/h*/start.log)"
    done
    sleep 0.2
  done
}

# Brings the image in as soon as the console serves, as its user would; says nothing, for the screen is the console's.
bring_image() {
  local data="$directory/control/data" image
  until [ -S "$data/api.sock" ] && [ -s "$data/admin-password" ]; do
    # The console may be left before it serves.
    [ -d "$directory" ] || return 0
    sleep 0.2
  done
  umask 077
  call() { curl -sSf --unix-socket "$data/api.sock" -H "@$directory/token" "$@"; }
  : >"$directory/token"
  printf '{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"%s"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}' \
    "$(cat "$data/admin-password")" \
    | call -o /dev/null -D - --json @- http://skydeck/identity/v3/auth/tokens \
    | sed -n 's/\r$//; s/^x-subject-token:/X-Auth-Token:/Ip' >"$directory/token.new"
  mv "$directory/token.new" "$directory/token"
  image=$(call --json '{"name":"guest","disk_format":"qcow2","container_format":"bare","visibility":"public"}' http://skydeck/image/v2/images \
    | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p')
  call -H 'Content-Type: application/octet-stream' -T "$IMAGE" "http://skydeck/image/v2/images/$image/file"
  rm "$directory/token"
}

[ $# -ge 1 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }
PROGRAM=$(readlink -m "$1") HOSTS=${2:-3} IMAGE=${3:-} ENGINE=${4:-bridge}
VIRT_TYPE=${SKYDECK_AGENT_VIRT_TYPE:-auto}
check
trap 'exit 130' INT
trap 'exit 129' HUP
trap 'exit 143' TERM
trap leave EXIT
claim
up
if [ -r "$IMAGE" ]; then
  (let_go; bring_image) </dev/null >"$directory/image.log" 2>&1 &
  disown
fi
say "opening the console; in another terminal, this is a shell on a host: $rack exec $directory h1 bash"
(into control "$PROGRAM" --config "$directory/control/skydeck.toml")

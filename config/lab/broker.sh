#!/bin/sh
# A RabbitMQ of one's own, as Debian packages it; ends when standard input does.
#
#   broker.sh DIRECTORY PORT MAPPER
#
# DIRECTORY has rabbitmq.conf, which says where it listens; data and logs go there as well. Erlang's own two ports are of
# the loopback only: PORT, and MAPPER, which knows of it. The program is started past Debian's wrapper, which would change
# to another user, in a namespace of processes that ends as a whole, Erlang's own daemon included.
set -eu
program=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x $program ] || { echo "there is no RabbitMQ: install the package rabbitmq-server" >&2; exit 1; }
directory=$1
[ -e "$directory/plugins" ] || echo '[].' >"$directory/plugins"
export HOME="$directory"
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$3"
export RABBITMQ_NODENAME=skydeck@localhost RABBITMQ_DIST_PORT="$2"
# One thread that sleeps when there is nothing to do: others run beside it.
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}'
export RABBITMQ_CONF_ENV_FILE="$directory/none" RABBITMQ_CONFIG_FILE="$directory/rabbitmq.conf"
export RABBITMQ_ENABLED_PLUGINS_FILE="$directory/plugins" RABBITMQ_LOG_BASE="$directory/log"
export RABBITMQ_MNESIA_BASE="$directory/data" RABBITMQ_PID_FILE="$directory/pid"
exec unshare --pid --fork --kill-child=KILL --mount-proc sh -c "$program </dev/null & read -r _ignored"

//! Skydeck: a whole private cloud in one binary. This is the map of its code; each module's own `//!` has its theory.
//!
//! # Where things are
//!
//! | folder | what it is |
//! |---|---|
//! | `roles/` | what a process is, by how it was started; **the only place where parts are put together** |
//! | `identity/` `compute/` `image/` `network/` `volume/` `telemetry/` | the services; each has the same layers, one file or folder each |
//! | `depot/` | how nodes get bytes from control processes, and give them some; tickets |
//! | `saga/` `reconcile.rs` | operations that end as done or undone; work that is done again and again |
//! | `db/` `bus/` | the database on three engines; calls between control processes and nodes |
//! | `context.rs` `error.rs` `ids.rs` `config.rs` | who asks; what goes wrong; ids and times; settings |
//! | `failpoint.rs` | places at which tests let a process die |
//! | `api/` `client/` | the REST port and what all routes have in common; the same wire types from the other side |
//! | `agent/` `hypervisor/` | what runs on a node; libvirt, and a simulated host that stands in for it |
//! | `tui/` | the console |
//!
//! Layers of a service, from the inside out: `model` (pure types and state machines), `store` (its SQL), `ops` (what can be
//! done, one operation one file), `sagas` (what takes long), `reconcile` (repair), `rpc` (what nodes are asked), `wire`
//! (OpenStack's JSON), `api` (routes). Who may import whom is a test: `tests/it/tidy.rs`.
//!
//! # One launch, file by file
//!
//! 1. **A key.** `n` on the servers' list opens the form, `tui/screens/servers/launch.rs` (`submit`). What it sends is an
//!    effect; `tui/backend.rs` (`request`) runs it on a task, so no key waits for the network.
//! 2. **The client** posts OpenStack's own body, `client/server.rs` (`server_create`): over the Unix socket to the process
//!    that embeds the console as well. There is no other way in.
//! 3. **The route** is a line, `compute/api/server/create.rs` (`routes`, `create`). Around it, `api/layers.rs` (`app`) has
//!    given the request its id, found out whose token it is, and checked the route's rule.
//! 4. **The operation** `compute/ops/server/create.rs` (`server_create`) looks everything up (`compute/ops/server/prepare.rs`)
//!    and then, in one transaction, counts the quota, writes the server's row, the rows of its ports and volumes under ids
//!    that are chosen now, and the saga's row, `saga/ops.rs` (`start_on_conn`). The answer is 202.
//! 5. **The engine** of some control process claims the saga by its lease, `saga/engine.rs` (`claim`, `one_step`), and runs
//!    `compute/sagas/server_launch.rs`: accept → place → ports → volumes → root disk → start guest → activate. After each step
//!    its state is stored. `place` asks the pure `compute/scheduler.rs` and writes a claim into the ledger,
//!    `compute/ops/place.rs` (`place`).
//! 6. **The node** is asked by `saga/step.rs` (`call`) over `bus/mod.rs`, in one process or through RabbitMQ (`bus/amqp/mod.rs`).
//!    What comes after a later operation began is refused, `agent/turns.rs` (`admit`). `agent/table.rs` finds the function and
//!    answers a repeat of the operation with the first result (`bus/dedupe.rs`): `agent/image_cache/root_disk.rs` (`root_disk_ensure`),
//!    which fetches the image by the pass in the request if it can not see its file, `depot/dial.rs` (`read`),
//!    then `agent/instance/ensure.rs` (`instance_ensure`), which refuses a stale generation. The host's network is made so
//!    beforehand, level-triggered: `network/ops/host_network.rs` (`host_network_ensure`) sends all of it, `agent/network/mod.rs`
//!    compares it with what is there.
//! 7. **The guest** is a `hypervisor/spec.rs` (`GuestSpec`), written as XML by `hypervisor/libvirt/domain.rs`; server id and
//!    generation are kept in its metadata.
//! 8. **Back.** Each commit is told to watchers, `context/events.rs` (`changed`), in all control processes (`roles/relay.rs`), and
//!    reaches the console as a stream, `api/skydeck/events.rs`; `tui/state/mod.rs` (`on`) takes it in, and `tui/draw.rs` (`draw`) makes the picture.
//! 9. **Later**, what the hypervisor says by itself comes by `agent/report.rs` and is absorbed by `compute/reconcile/guests.rs`,
//!    whose policy is the pure `compute/reconcile/judge.rs` (`judge`).
//!
//! When a step fails, the engine runs the undos backward; a host that failed is excluded and the next one tried, three at
//! most. When the process dies, the next one claims the row and runs the step again.
//!
//! # One live migration
//!
//! 1. `compute/api/server/action.rs` (`migrate_live`) → `compute/ops/server/migrate_live.rs` (`server_migrate_live`): one transaction
//!    with the task state, the saga and the record of the move, `compute/model/migration.rs` (`Migration`).
//! 2. `compute/sagas/live_migration.rs` asks the source what the guest is and the destination whether it can take it,
//!    `agent/instance/migration/check.rs` (`check_source`, `check_destination`); whether they see the same files is found out by a
//!    mark (`compute/sagas/relocation.rs` (`meet`)). `compute/ops/server/migration_disks.rs` (`disk_copy`) says what has to be sent,
//!    and the pure `compute/model/migration.rs` (`of`) how long that will take.
//! 3. The port is expected at the destination beside its place, `network/ops/port_bind.rs` (`port_expect_on_conn`), so that both
//!    hosts have its network, and the destination makes ready, `agent/instance/migration/destination.rs` (`prepare`).
//! 4. The source's libvirtd drives the transfer with the destination's, `hypervisor/libvirt/migrate.rs` (`migrate`): whoever asks
//!    again joins it. This step decides, `saga/step.rs` (`decides`): "left" is the point of no return, "stayed" the undo.
//! 5. One transaction makes the server the destination's (`settle`), which then takes the files over,
//!    `agent/instance/owner.rs` (`take`): what another node owns, no late request and no returning host removes.
//!
//! A server that is off moves by `compute/sagas/server_resize.rs`, with another flavor or its own; nothing is decided there until
//! its owner confirms, and the way back is the undo. What both moves have in common is `compute/sagas/relocation.rs`. Many moves
//! by one wish (a drain, a rebalancing) are `compute/sagas/server_moves.rs` over these; a dead host's servers go by
//! `compute/sagas/server_evacuate.rs`, and `compute/sagas/host_fence.rs` makes sure that a host is dead.
//!
//! # One packet of a tenant
//!
//! 1. Rows say what there is. `network/ops/desired_rows.rs` (`DesiredRows`) reads them, of one host or of all, and
//!    `network/ops/desired.rs` computes from them all that a host's networking shall be: its networks, behind which host every
//!    other port is, who answers DHCP, routers, `network/ops/desired_router.rs` (`router_spec`), and security groups,
//!    `network/ops/desired_groups.rs` (`GroupRows`). Which host answers DHCP and which one routes is decided by the pure
//!    `network/placement.rs`.
//! 2. The agent says it in the host's own terms, `agent/network/blueprint.rs` (`new`), looks at what is there,
//!    `agent/network/host.rs` (`observe`), and changes what differs, `agent/network/plan.rs` (`plan`).
//! 3. A frame comes out of a guest's tap. The packet filter drops it unless its addresses are the guest's,
//!    `agent/network/filter.rs` (`tables`), notes in its mark who sends and who gets it, and asks the groups of both,
//!    `agent/network/security.rs` (`write_forward`).
//! 4. The bridge knows that the other station is behind the tunnel, and the tunnel at which host: entries of
//!    `agent/network/tunnel.rs` (`plan`). While a port moves there are none, and all hosts of the network get the frame.
//! 5. What is for elsewhere goes to the router, a namespace, `agent/network/room.rs` (`plan`), whose rules translate addresses,
//!    `agent/network/router.rs` (`room`), and who tells guests of IPv6 that it is there, `agent/network/advert.rs`
//!    (`configuration`). What is for 169.254.169.254 or fe80::a9fe:a9fe ends there, or where DHCP is answered:
//!    `agent/network/metadata.rs` (`keep`) passes it on to `compute/ops/metadata_show.rs` (`metadata_show`). A flat network
//!    leads out by an interface of the host's, or by a wire to a bridge of its own, `agent/network/uplink.rs` (`new`).
//!
//! 6. Where a packet would be dropped, and why, is computed from rows by the pure `network/trace/mod.rs` (`trace`), for
//!    `network/ops/trace.rs` (`network_trace`), with the names of devices that nodes use, `network/names.rs`; nodes count its
//!    packets in tables beside the filter, `agent/network/probe.rs` (`ask`). The console shows it, `tui/screens/trace/mod.rs`.
//! 7. Where OVN is the engine, all of this is its but the guest's tap, the filter that looks at it, and the wire from there,
//!    `agent/network/plug.rs` (`plan`): `network/ovn/rows.rs` (`want`) computes the rows of its
//!    northbound database, and the difference to what is there is made by `network/ovn/diff.rs` (`diff`); `network/ops/northbound.rs`
//!    (`northbound_ensure`) tells it where nodes are told otherwise.
//!
//! # One metering sample
//!
//! 1. Each interval, `agent/sampling/mod.rs` (`run`) makes one bulk call, `hypervisor/mod.rs` (`stats`), for all guests.
//! 2. `agent/sampling/rates.rs` (`guest`) turns two readings into rates, there, where the counters are.
//! 3. The batch is cast as `telemetry/rpc.rs` (`SampleReport`): bounded, and dropped if nobody takes it.
//! 4. `compute/conductor.rs` (`handle`) hands it to `telemetry/ops/record.rs` (`record`), which puts it into memory,
//!    `telemetry/meters.rs` (`put`), and tells watchers of each project their own servers.
//! 5. `telemetry/ops/flush.rs` (`flush`) writes finished minutes as one row per resource (`telemetry/chunk.rs`) and rolls
//!    them up into hours; `telemetry/ops/series.rs` (`series`) reads them back.
//! 6. The console keeps the last ten minutes itself, `tui/state/meters.rs`, and draws them with `tui/widgets/chart.rs`.
//!
//! # What must not be
//!
//! - The console holds no service, no SQL and no bus: `client` is its only way. The agent holds no database.
//! - A message is never the truth. It may be lost, doubled or late; whoever sends can send again, whoever receives can
//!   receive again.
//! - A saga's step never relies on having run once. It may fail only if it left nothing behind; otherwise it is retried. Ids
//!   are chosen by a step before the one that uses them.
//! - No transaction and no task stays open while something is waited for; a saga parks.
//! - Nothing is counted that can be summed: usage is the sum of claims, quota is counted over rows.
//! - No service touches another's tables, only its `ops`.
//! - A guest that nobody knows is told of and never touched. Only what carries the id of a deleted server is removed.
//! - No password, token or private key is in a log, an error, an event, an argument or an operation's state after its end.
//!   Nothing in the data directory is readable by others.
//! - Clocks jump. Leases use the database's clock, and what claims to end in a far future is overdue.
//! - Nothing blocks the async runtime: files and the hypervisor are called off it, with a deadline.
//!
//! `roles/tests/proof.rs` leads every saga through this, step by step; `roles/tests/schedule.rs` at random.
//!
//! # Where to add
//!
//! - **A resource**: its types in the service's `model`, its table in `db/migrations`, SQL in `store`, an operation per file in
//!   `ops`, JSON in `wire`, routes in `api`, and a screen. No central list but the service's own.
//! - **A saga**: a file in the service's `sagas` that implements `saga/step.rs` (`Saga`), a line where its others are
//!   registered (`compute/sagas.rs` (`register`)), and its rows in `roles/tests/kinds.rs`, without which the proof fails.
//! - **Recurring work**: a `reconcile.rs` (`Periodic`) in the service's `periodic`, which `roles/services.rs` (`periodic`) lists.
//! - **A question to a node**: a type in the service's `rpc`, a function in `agent/`, a line in the `register` beside it.
//! - **A route**: a line in the service's `api`, with its rule in the policy (`context/policy.rs`) and in the table of the
//!   authorization test.
//! - **A screen**: a file in `tui/screens/` and a line in `tui/screens/mod.rs` (`REGISTRY`); its commands are declared there
//!   and appear in the palette, the help and the keys by themselves.
pub mod agent;
pub mod api;
pub mod bus;
pub mod client;
pub mod compute;
pub mod config;
pub mod context;
pub mod db;
pub mod depot;
pub mod doctor;
pub mod error;
mod failpoint;
pub mod fetch;
pub mod hypervisor;
pub mod identity;
pub mod ids;
pub mod image;
pub mod network;
pub mod reconcile;
pub mod roles;
pub mod saga;
pub mod telemetry;
pub mod tui;
pub mod volume;

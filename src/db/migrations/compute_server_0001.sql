-- Servers. What is searched, counted or swapped alone is a column; what is read and written as a whole is JSON.
CREATE TABLE server (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    user_id {id},
    name {name} NOT NULL,
    vm_state {id} NOT NULL,
    task_state {id},
    power_state BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    host {name},
    availability_zone {name},
    image_id {id},
    flavor_id {name} NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    flavor {text} NOT NULL,
    locked BIGINT NOT NULL,
    fault {text},
    resize {text},
    user_data {text},
    detail {text} NOT NULL,
    revision BIGINT NOT NULL,
    reservation_id {id} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    launched_at BIGINT,
    deleted_at BIGINT
);
CREATE INDEX server_by_time ON server (deleted_at, created_at, id);
CREATE INDEX server_by_project ON server (project_id, deleted_at, created_at, id);
CREATE INDEX server_by_host ON server (host, deleted_at);
CREATE INDEX server_by_change ON server (updated_at);
CREATE INDEX server_by_reservation ON server (reservation_id);
CREATE TABLE server_tag (
    server_id {id} NOT NULL,
    tag {name} NOT NULL,
    PRIMARY KEY (server_id, tag)
);
-- Ports of servers in order of their interfaces; the ports themselves are the network's.
CREATE TABLE server_nic (
    server_id {id} NOT NULL,
    port_id {id} NOT NULL PRIMARY KEY,
    network_id {id} NOT NULL,
    position BIGINT NOT NULL,
    keep_port BIGINT NOT NULL,
    tag {name}
);
CREATE INDEX server_nic_by_server ON server_nic (server_id, position);
-- Volumes of servers in order of attachment; the volumes themselves are the volume service's.
CREATE TABLE server_volume (
    server_id {id} NOT NULL,
    volume_id {id} NOT NULL,
    position BIGINT NOT NULL,
    boot BIGINT NOT NULL,
    delete_on_termination BIGINT NOT NULL,
    tag {name},
    device {name},
    PRIMARY KEY (server_id, volume_id)
);
-- Guests that a node still has to remove, because it did not answer when it was asked.
CREATE TABLE server_residue (
    host {name} NOT NULL,
    server_id {id} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (host, server_id)
);
-- Entrances to consoles: the hash of a ticket that lets one connection in, once.
CREATE TABLE server_console (
    ticket {id} NOT NULL PRIMARY KEY,
    server_id {id} NOT NULL,
    expires_at BIGINT NOT NULL
);
-- Whoever adds servers to a project writes its row first, and so waits for others who do.
CREATE TABLE server_project (
    project_id {id} NOT NULL PRIMARY KEY,
    turn BIGINT NOT NULL
);

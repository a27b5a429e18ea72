-- Networks, their address ranges, and the ports that guests are plugged into.
CREATE TABLE network (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    admin_state_up BIGINT NOT NULL,
    shared BIGINT NOT NULL,
    external BIGINT NOT NULL,
    nat BIGINT NOT NULL,
    mtu BIGINT NOT NULL,
    port_security BIGINT NOT NULL,
    dns_domain {name} NOT NULL,
    tags {text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX network_by_project ON network (project_id);
CREATE TABLE subnet (
    id {id} NOT NULL PRIMARY KEY,
    network_id {id} NOT NULL,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    cidr {id} NOT NULL,
    gateway {id},
    dhcp BIGINT NOT NULL,
    dns {text} NOT NULL,
    pools {text} NOT NULL,
    routes {text} NOT NULL,
    tags {text} NOT NULL,
    last_given BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX subnet_by_network ON subnet (network_id);
CREATE TABLE port (
    id {id} NOT NULL PRIMARY KEY,
    network_id {id} NOT NULL,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    mac {id} NOT NULL,
    device_id {name} NOT NULL,
    device_owner {name} NOT NULL,
    host {name},
    status {id} NOT NULL,
    admin_state_up BIGINT NOT NULL,
    port_security BIGINT NOT NULL,
    hostname {name},
    tags {text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (network_id, mac)
);
CREATE INDEX port_by_project ON port (project_id);
CREATE INDEX port_by_device ON port (device_id);
CREATE INDEX port_by_host ON port (host);
-- The key is what keeps two ports from having one address.
CREATE TABLE address (
    subnet_id {id} NOT NULL,
    address BIGINT NOT NULL,
    port_id {id} NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (subnet_id, address)
);
CREATE INDEX address_by_port ON address (port_id);
-- What each node shall have, and what it is known to have, counted in generations.
CREATE TABLE network_host (
    host {name} NOT NULL PRIMARY KEY,
    wanted BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    trouble {text}
);
CREATE TABLE network_seed (
    name {id} NOT NULL PRIMARY KEY
);

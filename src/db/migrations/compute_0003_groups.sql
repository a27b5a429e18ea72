-- Groups of hosts (Nova's aggregates), and groups of servers.
CREATE TABLE host_aggregate (
    number BIGINT NOT NULL PRIMARY KEY,
    id {id} NOT NULL UNIQUE,
    name {name} NOT NULL UNIQUE,
    metadata {text} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);
CREATE TABLE host_aggregate_member (
    aggregate_number BIGINT NOT NULL,
    host {name} NOT NULL,
    PRIMARY KEY (aggregate_number, host)
);
CREATE TABLE server_group (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    user_id {id} NOT NULL,
    name {name} NOT NULL,
    policy {id} NOT NULL,
    max_per_host BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX server_group_by_project ON server_group (project_id, id);
CREATE TABLE server_group_member (
    server_id {id} NOT NULL PRIMARY KEY,
    group_id {id} NOT NULL
);
CREATE INDEX server_group_member_by_group ON server_group_member (group_id, server_id);

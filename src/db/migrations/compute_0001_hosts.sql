-- Compute nodes, as they report themselves, and what of them is promised to servers.
CREATE TABLE host (
    name {name} NOT NULL PRIMARY KEY,
    id {id} NOT NULL UNIQUE,
    number BIGINT NOT NULL UNIQUE,
    version {id} NOT NULL,
    started_at BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    skew_us BIGINT NOT NULL,
    trouble {text},
    hypervisor_type {id} NOT NULL,
    hypervisor_version BIGINT NOT NULL,
    virt_type {id} NOT NULL,
    arch {id} NOT NULL,
    cpu_model {name} NOT NULL,
    cpu_features {text} NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    disk_gb BIGINT NOT NULL,
    disk_free_gb BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    disabled_reason {text},
    forced_down BIGINT NOT NULL,
    shown_up BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE claim (
    consumer {id} NOT NULL PRIMARY KEY,
    kind {id} NOT NULL,
    server_id {id} NOT NULL,
    host {name} NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    disk_gb BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX claim_by_host ON claim (host);
CREATE INDEX claim_by_server ON claim (server_id);
-- Why the scheduler put a server where it is, or nowhere.
CREATE TABLE decision (
    id {id} NOT NULL PRIMARY KEY,
    server_id {id} NOT NULL,
    operation_id {id},
    at BIGINT NOT NULL,
    content {text} NOT NULL
);
CREATE INDEX decision_by_server ON decision (server_id, id);
CREATE INDEX decision_by_time ON decision (at);
-- Control processes, as they report themselves.
CREATE TABLE control_process (
    host {name} NOT NULL PRIMARY KEY,
    id {id} NOT NULL,
    number BIGINT NOT NULL,
    version {id} NOT NULL,
    started_at BIGINT NOT NULL,
    reported_at BIGINT NOT NULL
);
CREATE TABLE flavor (
    id {name} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    vcpus BIGINT NOT NULL,
    memory_mb BIGINT NOT NULL,
    disk_gb BIGINT NOT NULL,
    ephemeral_gb BIGINT NOT NULL,
    swap_mb BIGINT NOT NULL,
    rxtx_factor {double} NOT NULL,
    is_public BIGINT NOT NULL,
    description {text},
    extra_specs {text} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE flavor_access (
    flavor_id {name} NOT NULL,
    project_id {id} NOT NULL,
    PRIMARY KEY (flavor_id, project_id)
);
CREATE TABLE keypair (
    user_id {id} NOT NULL,
    name {name} NOT NULL,
    number BIGINT NOT NULL UNIQUE,
    fingerprint {id} NOT NULL,
    public_key {text} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, name)
);
-- What a first start made and no later one makes again.
CREATE TABLE compute_seed (
    name {id} NOT NULL PRIMARY KEY
);

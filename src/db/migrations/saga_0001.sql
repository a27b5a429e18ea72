-- Long-running operations: one row each, and what happened to it.
CREATE TABLE operation (
    id {id} NOT NULL PRIMARY KEY,
    kind {id} NOT NULL,
    version BIGINT NOT NULL,
    resource_type {id} NOT NULL,
    resource_id {id} NOT NULL,
    resource_name {name} NOT NULL,
    host {name},
    project_id {id},
    user_id {id},
    actor {text} NOT NULL,
    request_id {id} NOT NULL,
    state {text} NOT NULL,
    step BIGINT NOT NULL,
    step_name {id} NOT NULL,
    step_count BIGINT NOT NULL,
    restart_at BIGINT,
    status {id} NOT NULL,
    attempt BIGINT NOT NULL,
    abort BIGINT NOT NULL,
    progress {text},
    error {text},
    owner {id},
    lease_until BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    wake_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX operation_by_status ON operation (status, wake_at);
CREATE INDEX operation_by_resource ON operation (resource_id, created_at);
CREATE INDEX operation_by_request ON operation (request_id);
CREATE INDEX operation_by_time ON operation (created_at);
-- One mutator per resource: whoever holds the row.
CREATE TABLE operation_lock (
    resource_id {id} NOT NULL PRIMARY KEY,
    operation_id {id} NOT NULL
);
CREATE TABLE operation_event (
    operation_id {id} NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    step {id} NOT NULL,
    phase {id} NOT NULL,
    outcome {id} NOT NULL,
    message {text},
    duration_us BIGINT NOT NULL,
    PRIMARY KEY (operation_id, seq)
);
-- Periodic work: whoever holds the lease does it.
CREATE TABLE periodic (
    name {id} NOT NULL PRIMARY KEY,
    owner {id} NOT NULL,
    lease_until BIGINT NOT NULL,
    next_at BIGINT NOT NULL
);

-- Moves of servers between hosts, under way and done. Numbers are Nova's names for them.
CREATE TABLE server_migration (
    id BIGINT NOT NULL PRIMARY KEY,
    uuid {id} NOT NULL UNIQUE,
    server_id {id} NOT NULL,
    operation_id {id} NOT NULL UNIQUE,
    project_id {id} NOT NULL,
    user_id {id},
    kind {id} NOT NULL,
    status {id} NOT NULL,
    source {name} NOT NULL,
    destination {name},
    old_flavor {name} NOT NULL,
    new_flavor {name} NOT NULL,
    wish {id},
    progress {text} NOT NULL,
    forecast {text},
    message {text},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX server_migration_by_server ON server_migration (server_id, id);
CREATE INDEX server_migration_by_status ON server_migration (status, id);

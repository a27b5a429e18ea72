-- Volumes. A deleted one keeps its row for a while, so that its file is known as such wherever it turns up.
CREATE TABLE volume (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL,
    description {text},
    status {id} NOT NULL,
    size_gb BIGINT NOT NULL,
    project_id {id} NOT NULL,
    user_id {id},
    host {name},
    zone {name} NOT NULL,
    path {text},
    format {id},
    is_bootable BIGINT NOT NULL,
    is_readonly BIGINT NOT NULL,
    source_image_id {id},
    source_volume_id {id},
    source_snapshot_id {id},
    image_metadata {text} NOT NULL,
    metadata {text} NOT NULL,
    error {text},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX volume_by_project ON volume (project_id, created_at);
CREATE INDEX volume_by_time ON volume (created_at, id);
CREATE INDEX volume_by_host ON volume (host);
CREATE TABLE volume_attachment (
    id {id} NOT NULL PRIMARY KEY,
    volume_id {id} NOT NULL,
    server_id {id} NOT NULL,
    status {id} NOT NULL,
    host {name},
    device {name},
    created_at BIGINT NOT NULL,
    attached_at BIGINT,
    UNIQUE (volume_id, server_id)
);
CREATE INDEX volume_attachment_by_server ON volume_attachment (server_id, created_at);
CREATE TABLE volume_snapshot (
    id {id} NOT NULL PRIMARY KEY,
    volume_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text},
    status {id} NOT NULL,
    size_gb BIGINT NOT NULL,
    project_id {id} NOT NULL,
    user_id {id},
    metadata {text} NOT NULL,
    error {text},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX volume_snapshot_by_volume ON volume_snapshot (volume_id);
CREATE INDEX volume_snapshot_by_project ON volume_snapshot (project_id, created_at);
-- Room on each node that keeps volumes, as it last said.
CREATE TABLE volume_host (
    host {id} NOT NULL PRIMARY KEY,
    total_gb BIGINT NOT NULL,
    free_gb BIGINT NOT NULL,
    reported_at BIGINT NOT NULL
);

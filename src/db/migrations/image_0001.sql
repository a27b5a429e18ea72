-- Images; their bytes lie in data_dir/images.
CREATE TABLE image (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL,
    status {id} NOT NULL,
    visibility {id} NOT NULL,
    owner_id {id} NOT NULL,
    is_protected BIGINT NOT NULL,
    is_hidden BIGINT NOT NULL,
    container_format {id},
    disk_format {id},
    min_disk BIGINT NOT NULL,
    min_ram BIGINT NOT NULL,
    size_bytes BIGINT,
    virtual_bytes BIGINT,
    checksum {id},
    sha512 {digest},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX image_by_time ON image (created_at, id);
CREATE INDEX image_by_owner ON image (owner_id);
CREATE TABLE image_property (
    image_id {id} NOT NULL,
    name {name} NOT NULL,
    value {text} NOT NULL,
    PRIMARY KEY (image_id, name)
);
CREATE TABLE image_tag (
    image_id {id} NOT NULL,
    tag {name} NOT NULL,
    PRIMARY KEY (image_id, tag)
);
CREATE TABLE image_member (
    image_id {id} NOT NULL,
    project_id {id} NOT NULL,
    status {id} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, project_id)
);
CREATE INDEX image_member_by_project ON image_member (project_id);
-- Bytes on their way in: what was announced, and where a download goes on.
CREATE TABLE image_upload (
    image_id {id} NOT NULL PRIMARY KEY,
    total BIGINT,
    origin {text},
    validator {text},
    updated_at BIGINT NOT NULL
);

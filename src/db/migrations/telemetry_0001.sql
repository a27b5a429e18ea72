-- Samples: one row per resource, grain and stretch; the values are packed (src/telemetry/chunk.rs).
CREATE TABLE sample (
    resource {name} NOT NULL,
    grain BIGINT NOT NULL,
    start_at BIGINT NOT NULL,
    data {blob} NOT NULL,
    PRIMARY KEY (resource, grain, start_at)
);
CREATE INDEX sample_by_age ON sample (grain, start_at);

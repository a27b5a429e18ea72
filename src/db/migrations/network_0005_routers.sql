-- Routers. What they are plugged into are ports with the router's id as device; where they are is the host of these ports, too.
CREATE TABLE router (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    admin_state_up BIGINT NOT NULL,
    enable_snat BIGINT NOT NULL,
    routes {text} NOT NULL,
    host {name},
    tags {text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX router_by_project ON router (project_id);
CREATE INDEX router_by_host ON router (host);
-- Floating addresses. The key is what keeps a fixed address from having two.
CREATE TABLE floating_ip (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    description {text} NOT NULL,
    network_id {id} NOT NULL,
    port_id {id} NOT NULL,
    address BIGINT NOT NULL,
    fixed_port_id {id},
    fixed_address BIGINT,
    router_id {id},
    tags {text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (fixed_port_id, fixed_address)
);
CREATE INDEX floating_ip_by_project ON floating_ip (project_id);
CREATE INDEX floating_ip_by_router ON floating_ip (router_id);
-- What administrators said of the services of networks on a host; those without a row are as they come.
CREATE TABLE network_agent (
    host {name} NOT NULL,
    kind {id} NOT NULL,
    admin_state_up BIGINT NOT NULL,
    description {text} NOT NULL,
    PRIMARY KEY (host, kind)
);

-- What a host has is asked by where ports are and by where they go: without this all ports are gone through.
CREATE INDEX port_by_migrating_to ON port (migrating_to);

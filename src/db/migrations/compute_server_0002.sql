-- Servers that something is done to are few; each placement counts them by host.
CREATE INDEX server_by_task ON server (task_state);

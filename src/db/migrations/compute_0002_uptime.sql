-- How long a node's machine is up, and how busy it is, in the words of uptime(1).
ALTER TABLE host ADD COLUMN uptime {text};

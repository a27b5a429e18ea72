-- Networks that a node is plugged into, by name: a JSON list.
ALTER TABLE host ADD COLUMN physical_networks {text};

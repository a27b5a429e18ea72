-- Where a node is in the network, and what it measures of itself: a JSON object of numbers by name.
ALTER TABLE host ADD COLUMN address {text};
ALTER TABLE host ADD COLUMN metrics {text};

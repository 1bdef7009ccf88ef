ALTER TABLE occurrences DROP COLUMN weight;

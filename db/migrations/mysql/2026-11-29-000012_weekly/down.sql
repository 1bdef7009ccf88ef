ALTER TABLE digests DROP COLUMN weekday;

-- In which language somebody is written to, and by which clocks, as far as they said so.
ALTER TABLE users ADD COLUMN locale TEXT NULL;
ALTER TABLE users ADD COLUMN time_zone TEXT NULL;

-- In which language somebody is written to, and by which clocks, as far as they said so.
ALTER TABLE users
    ADD COLUMN locale VARCHAR(35) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ADD COLUMN time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL;

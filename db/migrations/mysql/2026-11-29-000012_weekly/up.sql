-- On which day of the week somebody is told what is due, from 1, Monday, to 7, Sunday; every day if on none.
ALTER TABLE digests ADD COLUMN weekday SMALLINT NULL;

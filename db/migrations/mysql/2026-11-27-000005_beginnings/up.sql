-- The number of the first occurrence by the schedule as it is now, from which a COUNT counts; none is 1.
ALTER TABLE tasks ADD COLUMN first_number INTEGER;
-- Since when what was overdue at the beginning of an absence was looked at; none until it begins.
ALTER TABLE absences ADD COLUMN begun_at BIGINT;

CREATE INDEX absences_to_begin ON absences (begun_at, first_on);

-- The number of the first occurrence by the schedule as it is now, from which a COUNT counts; none is 1.
ALTER TABLE tasks ADD COLUMN first_number INTEGER;

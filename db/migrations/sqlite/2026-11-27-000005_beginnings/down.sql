DROP INDEX absences_to_begin;
ALTER TABLE absences DROP COLUMN begun_at;
ALTER TABLE tasks DROP COLUMN first_number;

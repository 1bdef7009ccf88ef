ALTER TABLE tasks DROP COLUMN first_number;

ALTER TABLE household_streams DROP COLUMN names;

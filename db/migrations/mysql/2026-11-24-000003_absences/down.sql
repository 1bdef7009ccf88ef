ALTER TABLE absences DROP COLUMN moved;

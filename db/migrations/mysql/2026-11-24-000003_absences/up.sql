-- Which open occurrences an absence has moved, as JSON: they come back with whoever comes back early.
ALTER TABLE absences ADD COLUMN moved MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin;

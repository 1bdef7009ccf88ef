DROP INDEX notifications_by_subject;
ALTER TABLE notifications DROP COLUMN subject_id;
DROP TABLE digests;
DROP TABLE swaps;
DROP TABLE absences;
DROP TABLE occurrences;
DROP TABLE tasks;

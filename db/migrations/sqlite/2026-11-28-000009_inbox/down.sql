DROP TABLE notification_choices;
DROP TABLE inbox_entries;
DROP TABLE inboxes;
DROP INDEX notifications_to_show;
ALTER TABLE notifications DROP COLUMN is_shown;

DROP TABLE notification_choices;
DROP TABLE inbox_entries;
DROP TABLE inboxes;
ALTER TABLE notifications DROP INDEX notifications_to_show, DROP COLUMN is_shown;

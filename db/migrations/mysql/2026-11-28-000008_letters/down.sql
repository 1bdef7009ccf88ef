DROP TABLE quiet_hours;
DROP TABLE refused_notifications;
ALTER TABLE notifications DROP INDEX notifications_by_recipient;

DROP TABLE quiet_hours;
DROP TABLE refused_notifications;
DROP INDEX notifications_by_recipient;

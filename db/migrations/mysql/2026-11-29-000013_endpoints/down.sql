-- What the version before cannot read.
DELETE FROM notifications WHERE endpoint_id IS NOT NULL OR kind = 'GROCERIES_ADDED';
DELETE FROM inbox_entries WHERE cause = 'GROCERIES_ADDED';
DELETE FROM notification_choices WHERE channel IN ('WEB_PUSH', 'WEBHOOK');
ALTER TABLE notifications DROP INDEX notifications_by_endpoint, DROP COLUMN endpoint_id;
DROP TABLE notification_endpoints;

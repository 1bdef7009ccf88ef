-- Where somebody is told besides mail: their browsers (RFC 8030), and webhooks. A browser is forgotten when its session has ended.
CREATE TABLE notification_endpoints (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    url TEXT NOT NULL,
    url_hash BLOB NOT NULL,
    session_id BLOB UNIQUE,
    -- The browser's public key (RFC 8291), and its secret or that which signs what a webhook is told.
    public_key BLOB,
    secret BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    failing_since BIGINT,
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);

CREATE INDEX notification_endpoints_by_user ON notification_endpoints (user_id);
CREATE INDEX notification_endpoints_by_url ON notification_endpoints (url_hash);

-- None for mail.
ALTER TABLE notifications ADD COLUMN endpoint_id BLOB;
CREATE INDEX notifications_by_endpoint ON notifications (endpoint_id, state);

-- Who wanted nothing at all in the inbox is not told of groceries there either.
UPDATE notification_choices SET refused = 'MENTION,ANNOUNCEMENT,TASK_REMINDER,TASK_NUDGE,GROCERIES_ADDED'
WHERE channel = 'INBOX' AND refused = 'MENTION,ANNOUNCEMENT,TASK_REMINDER,TASK_NUDGE';

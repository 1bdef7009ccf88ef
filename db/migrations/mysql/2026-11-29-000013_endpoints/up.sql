-- Where somebody is told besides mail: their browsers (RFC 8030), and webhooks. A browser is forgotten when its session has ended.
CREATE TABLE notification_endpoints (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    channel VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    url VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    url_hash BINARY(32) NOT NULL,
    session_id BINARY(16) UNIQUE,
    -- The browser's public key (RFC 8291), and its secret or that which signs what a webhook is told.
    public_key VARBINARY(65),
    secret VARBINARY(32) NOT NULL,
    created_at BIGINT NOT NULL,
    failing_since BIGINT,
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX notification_endpoints_by_url ON notification_endpoints (url_hash);

-- None for mail.
ALTER TABLE notifications ADD COLUMN endpoint_id BINARY(16);
CREATE INDEX notifications_by_endpoint ON notifications (endpoint_id, state);

-- Who wanted nothing at all in the inbox is not told of groceries there either.
UPDATE notification_choices SET refused = 'MENTION,ANNOUNCEMENT,TASK_REMINDER,TASK_NUDGE,GROCERIES_ADDED'
WHERE channel = 'INBOX' AND refused = 'MENTION,ANNOUNCEMENT,TASK_REMINDER,TASK_NUDGE';

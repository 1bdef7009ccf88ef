-- Whether a notification is in its recipient's inbox already, or is not to be. Those that versions before this one write are not.
ALTER TABLE notifications ADD COLUMN is_shown BOOLEAN NOT NULL DEFAULT TRUE;

UPDATE notifications SET is_shown = FALSE
WHERE kind = 'TASK_REMINDER' AND state = 'PENDING' AND created_at > CAST(strftime('%s', 'now') AS INTEGER) * 1000000;

CREATE INDEX notifications_to_show ON notifications (is_shown, created_at);

-- One a person, made when it is first needed. Its row is the lock of all that is in it: `head` counts the changes.
CREATE TABLE inboxes (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    epoch INTEGER NOT NULL,
    head BIGINT NOT NULL,
    seen_to BIGINT NOT NULL,
    read_to BIGINT NOT NULL
);

-- What people find in their inbox. `arrived_at` and `changed_at` are numbers of their inbox, not times.
CREATE TABLE inbox_entries (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES inboxes (user_id),
    household_id BLOB,
    member_id BLOB,
    cause TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    group_id BLOB NOT NULL,
    first_seq BIGINT,
    last_seq BIGINT,
    actor_id BLOB,
    count INTEGER NOT NULL,
    arrived_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    is_read BOOLEAN NOT NULL,
    happened_at BIGINT NOT NULL,
    UNIQUE (user_id, arrived_at),
    UNIQUE (user_id, changed_at)
);

CREATE INDEX inbox_entries_by_group ON inbox_entries (user_id, cause, group_id);
CREATE INDEX inbox_entries_by_household ON inbox_entries (household_id);
CREATE INDEX inbox_entries_by_age ON inbox_entries (happened_at);

-- What people do not want to be told, with commas between: of one household, or, where the scope is the person, of all others.
CREATE TABLE notification_choices (
    user_id BLOB NOT NULL REFERENCES users (id),
    scope_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    refused TEXT NOT NULL,
    PRIMARY KEY (user_id, scope_id, channel)
);

CREATE INDEX notification_choices_by_scope ON notification_choices (scope_id);

INSERT INTO notification_choices (user_id, scope_id, channel, refused)
SELECT user_id, user_id, 'MAIL', group_concat(kind) FROM refused_notifications GROUP BY user_id;

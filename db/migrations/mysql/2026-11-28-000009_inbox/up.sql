-- Whether a notification is in its recipient's inbox already, or is not to be. Those that versions before this one write are not.
ALTER TABLE notifications ADD COLUMN is_shown BOOLEAN NOT NULL DEFAULT TRUE;

UPDATE notifications SET is_shown = FALSE
WHERE kind = 'TASK_REMINDER' AND state = 'PENDING' AND created_at > UNIX_TIMESTAMP() * 1000000;

CREATE INDEX notifications_to_show ON notifications (is_shown, created_at);

-- One a person, made when it is first needed. Its row is the lock of all that is in it: `head` counts the changes.
CREATE TABLE inboxes (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    epoch INT NOT NULL,
    head BIGINT NOT NULL,
    seen_to BIGINT NOT NULL,
    read_to BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What people find in their inbox. `arrived_at` and `changed_at` are numbers of their inbox, not times.
CREATE TABLE inbox_entries (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    household_id BINARY(16),
    member_id BINARY(16),
    cause VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject_id BINARY(16) NOT NULL,
    group_id BINARY(16) NOT NULL,
    first_seq BIGINT,
    last_seq BIGINT,
    actor_id BINARY(16),
    count INT NOT NULL,
    arrived_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    is_read BOOLEAN NOT NULL,
    happened_at BIGINT NOT NULL,
    UNIQUE (user_id, arrived_at),
    UNIQUE (user_id, changed_at),
    FOREIGN KEY (user_id) REFERENCES inboxes (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX inbox_entries_by_group ON inbox_entries (user_id, cause, group_id);
CREATE INDEX inbox_entries_by_household ON inbox_entries (household_id);
CREATE INDEX inbox_entries_by_age ON inbox_entries (happened_at);

-- What people do not want to be told, with commas between: of one household, or, where the scope is the person, of all others.
CREATE TABLE notification_choices (
    user_id BINARY(16) NOT NULL,
    scope_id BINARY(16) NOT NULL,
    channel VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    refused VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (user_id, scope_id, channel),
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX notification_choices_by_scope ON notification_choices (scope_id);

INSERT INTO notification_choices (user_id, scope_id, channel, refused)
SELECT user_id, user_id, 'MAIL', GROUP_CONCAT(kind ORDER BY kind) FROM refused_notifications GROUP BY user_id;

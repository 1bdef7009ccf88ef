-- One person's letters are delivered one after another.
CREATE INDEX notifications_by_recipient ON notifications (recipient, state, created_at, id);

-- The kinds of notifications that somebody is not to be mailed.
CREATE TABLE refused_notifications (
    user_id BLOB NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- When somebody is not to be mailed what can wait, who wishes that.
CREATE TABLE quiet_hours (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    from_time INTEGER NOT NULL,
    until_time INTEGER NOT NULL,
    time_zone TEXT NOT NULL
);

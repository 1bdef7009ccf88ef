-- One person's letters are delivered one after another.
CREATE INDEX notifications_by_recipient ON notifications (recipient, state, created_at, id);

-- The kinds of notifications that somebody is not to be mailed.
CREATE TABLE refused_notifications (
    user_id BINARY(16) NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (user_id, kind),
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- When somebody is not to be mailed what can wait, who wishes that.
CREATE TABLE quiet_hours (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    from_time INT NOT NULL,
    until_time INT NOT NULL,
    time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What everybody in a household is to know. The words of what was removed are gone.
CREATE TABLE announcements (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    author_id BINARY(16) NOT NULL,
    title VARCHAR(200) COLLATE utf8mb4_bin,
    body TEXT COLLATE utf8mb4_bin,
    importance VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    is_pinned BOOLEAN NOT NULL,
    requires_ack BOOLEAN NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    removed_at BIGINT,
    version INT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id),
    FOREIGN KEY (author_id) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX announcements_by_household ON announcements (household_id, id);
CREATE INDEX announcements_pinned ON announcements (household_id, is_pinned, id);

-- Who has said that they know of one.
CREATE TABLE announcement_acks (
    announcement_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    acked_at BIGINT NOT NULL,
    PRIMARY KEY (announcement_id, member_id),
    FOREIGN KEY (announcement_id) REFERENCES announcements (id),
    FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

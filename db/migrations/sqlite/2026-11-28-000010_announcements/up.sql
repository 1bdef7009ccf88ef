-- What everybody in a household is to know. The words of what was removed are gone.
CREATE TABLE announcements (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    author_id BLOB NOT NULL REFERENCES members (id),
    title TEXT,
    body TEXT,
    importance TEXT NOT NULL,
    is_pinned BOOLEAN NOT NULL,
    requires_ack BOOLEAN NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    removed_at BIGINT,
    version INTEGER NOT NULL
);

CREATE INDEX announcements_by_household ON announcements (household_id, id);
CREATE INDEX announcements_pinned ON announcements (household_id, is_pinned, id);

-- Who has said that they know of one.
CREATE TABLE announcement_acks (
    announcement_id BLOB NOT NULL REFERENCES announcements (id),
    member_id BLOB NOT NULL REFERENCES members (id),
    acked_at BIGINT NOT NULL,
    PRIMARY KEY (announcement_id, member_id)
);

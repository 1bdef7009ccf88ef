-- Times are microseconds since 1970-01-01 UTC; ids are UUIDv7 made by the server.
-- Text compares byte by byte, as in the MySQL twin.

-- People with an account.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    email_verified_at BIGINT,
    appears_offline BOOLEAN NOT NULL,
    sends_read_receipts BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);

-- Signed-in devices; the token itself is not kept.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    token_hash BLOB NOT NULL UNIQUE,
    device TEXT NOT NULL,
    ip_prefix TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- Single-use tokens sent by mail.
CREATE TABLE user_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- One leaky bucket a row.
CREATE TABLE throttles (
    bucket TEXT NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);

CREATE TABLE households (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    history_visibility TEXT NOT NULL,
    edit_window_minutes INTEGER,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT
);

-- The counter of each household's log, apart from households: foreign keys lock their parent's row.
CREATE TABLE household_streams (
    household_id BLOB NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    head BIGINT NOT NULL
);

-- The household's log.
CREATE TABLE household_events (
    household_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor_id BLOB,
    subject_id BLOB NOT NULL,
    subject_version INTEGER NOT NULL,
    fields TEXT NOT NULL,
    audience BLOB,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (household_id, seq)
);

CREATE TABLE members (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    user_id BLOB NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    is_banned BOOLEAN NOT NULL,
    joined_seq BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    ended_at BIGINT,
    version INTEGER NOT NULL,
    UNIQUE (household_id, user_id)
);

-- From which event to which somebody was a member.
CREATE TABLE member_periods (
    member_id BLOB NOT NULL REFERENCES members (id),
    from_seq BIGINT NOT NULL,
    to_seq BIGINT,
    PRIMARY KEY (member_id, from_seq)
);

CREATE TABLE invitations (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    role TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    code_hash BLOB NOT NULL UNIQUE,
    email TEXT,
    created_by BLOB NOT NULL REFERENCES members (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    max_uses INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    revoked_at BIGINT,
    version INTEGER NOT NULL
);

CREATE TABLE conversations (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    kind TEXT NOT NULL,
    title TEXT,
    direct_key BLOB UNIQUE,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);

-- Who is in a direct conversation; all members are in the others.
CREATE TABLE conversation_participants (
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    member_id BLOB NOT NULL REFERENCES members (id),
    PRIMARY KEY (conversation_id, member_id)
);

-- How far somebody has read, and what they want to hear of.
CREATE TABLE conversation_states (
    member_id BLOB NOT NULL REFERENCES members (id),
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    read_seq BIGINT NOT NULL,
    mute_level TEXT NOT NULL,
    PRIMARY KEY (member_id, conversation_id)
);

CREATE TABLE messages (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    seq BIGINT NOT NULL,
    author_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    body TEXT,
    reply_to_id BLOB,
    client_mutation_id TEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    deleted_by BLOB,
    version INTEGER NOT NULL,
    UNIQUE (conversation_id, seq)
);

-- What a message said before an edit.
CREATE TABLE message_revisions (
    message_id BLOB NOT NULL REFERENCES messages (id),
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, version)
);

CREATE TABLE message_mentions (
    message_id BLOB NOT NULL REFERENCES messages (id),
    member_id BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (message_id, member_id)
);

CREATE TABLE message_reactions (
    message_id BLOB NOT NULL REFERENCES messages (id),
    member_id BLOB NOT NULL,
    emoji TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, member_id, emoji)
);

-- What a clientMutationId did the first time.
CREATE TABLE idempotency_keys (
    user_id BLOB NOT NULL,
    operation TEXT NOT NULL,
    client_mutation_id TEXT NOT NULL,
    input_hash BLOB NOT NULL,
    subject_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, operation, client_mutation_id)
);

-- The outbox.
CREATE TABLE notifications (
    id BLOB NOT NULL PRIMARY KEY,
    cause TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX events_by_subject ON household_events (household_id, subject_id, subject_version);
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX invitations_by_household ON invitations (household_id, id);
CREATE INDEX conversations_by_household ON conversations (household_id, id);
CREATE INDEX participants_by_member ON conversation_participants (member_id);
CREATE INDEX mentions_by_member ON message_mentions (member_id, conversation_id, seq);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX notifications_due ON notifications (state, next_attempt_at);

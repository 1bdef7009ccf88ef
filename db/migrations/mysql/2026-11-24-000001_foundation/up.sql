-- Times are microseconds since 1970-01-01 UTC; ids are UUIDv7 made by the server.
-- Collations are binary on purpose: e-mail addresses and names are folded by the code that writes them.

-- People with an account.
CREATE TABLE users (
    id BINARY(16) NOT NULL PRIMARY KEY,
    email VARCHAR(254) COLLATE utf8mb4_bin NOT NULL UNIQUE,
    display_name VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    email_verified_at BIGINT,
    appears_offline BOOLEAN NOT NULL,
    sends_read_receipts BOOLEAN NOT NULL,
    version INT NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Signed-in devices; the token itself is not kept.
CREATE TABLE sessions (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    token_hash BINARY(32) NOT NULL UNIQUE,
    device VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    ip_prefix VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Single-use tokens sent by mail.
CREATE TABLE user_tokens (
    token_hash BINARY(32) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    purpose VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One leaky bucket a row.
CREATE TABLE throttles (
    bucket VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE households (
    id BINARY(16) NOT NULL PRIMARY KEY,
    name VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    currency VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    history_visibility VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    edit_window_minutes INT,
    version INT NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The counter of each household's log, apart from households: foreign keys lock their parent's row.
CREATE TABLE household_streams (
    household_id BINARY(16) NOT NULL PRIMARY KEY,
    epoch INT NOT NULL,
    head BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The household's log.
CREATE TABLE household_events (
    household_id BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    actor_id BINARY(16),
    subject_id BINARY(16) NOT NULL,
    subject_version INT NOT NULL,
    fields VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    audience VARBINARY(512),
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (household_id, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE members (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    role VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    is_banned BOOLEAN NOT NULL,
    joined_seq BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    ended_at BIGINT,
    version INT NOT NULL,
    UNIQUE (household_id, user_id),
    FOREIGN KEY (household_id) REFERENCES households (id),
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- From which event to which somebody was a member.
CREATE TABLE member_periods (
    member_id BINARY(16) NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT,
    PRIMARY KEY (member_id, from_seq),
    FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE invitations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    role VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    token_hash BINARY(32) NOT NULL UNIQUE,
    code_hash BINARY(32) NOT NULL UNIQUE,
    email VARCHAR(254) COLLATE utf8mb4_bin,
    created_by BINARY(16) NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    max_uses INT NOT NULL,
    uses INT NOT NULL,
    revoked_at BIGINT,
    version INT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id),
    FOREIGN KEY (created_by) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE conversations (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title VARCHAR(200) COLLATE utf8mb4_bin,
    direct_key BINARY(32) UNIQUE,
    version INT NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Who is in a direct conversation; all members are in the others.
CREATE TABLE conversation_participants (
    conversation_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    PRIMARY KEY (conversation_id, member_id),
    FOREIGN KEY (conversation_id) REFERENCES conversations (id),
    FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- How far somebody has read, and what they want to hear of.
CREATE TABLE conversation_states (
    member_id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    read_seq BIGINT NOT NULL,
    mute_level VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (member_id, conversation_id),
    FOREIGN KEY (member_id) REFERENCES members (id),
    FOREIGN KEY (conversation_id) REFERENCES conversations (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE messages (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    author_id BINARY(16) NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body TEXT COLLATE utf8mb4_bin,
    reply_to_id BINARY(16),
    client_mutation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    deleted_by BINARY(16),
    version INT NOT NULL,
    UNIQUE (conversation_id, seq),
    FOREIGN KEY (conversation_id) REFERENCES conversations (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What a message said before an edit.
CREATE TABLE message_revisions (
    message_id BINARY(16) NOT NULL,
    version INT NOT NULL,
    body TEXT COLLATE utf8mb4_bin NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, version),
    FOREIGN KEY (message_id) REFERENCES messages (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE message_mentions (
    message_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    conversation_id BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (message_id, member_id),
    FOREIGN KEY (message_id) REFERENCES messages (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE message_reactions (
    message_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    emoji VARCHAR(32) COLLATE utf8mb4_bin NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, member_id, emoji),
    FOREIGN KEY (message_id) REFERENCES messages (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What a clientMutationId did the first time.
CREATE TABLE idempotency_keys (
    user_id BINARY(16) NOT NULL,
    operation VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    client_mutation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    input_hash BINARY(32) NOT NULL,
    subject_id BINARY(16) NOT NULL,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, operation, client_mutation_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The outbox.
CREATE TABLE notifications (
    id BINARY(16) NOT NULL PRIMARY KEY,
    cause VARCHAR(191) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    recipient VARCHAR(254) COLLATE utf8mb4_bin NOT NULL,
    payload TEXT COLLATE utf8mb4_bin NOT NULL,
    state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempts INT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX events_by_subject ON household_events (household_id, subject_id, subject_version);
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX invitations_by_household ON invitations (household_id, id);
CREATE INDEX conversations_by_household ON conversations (household_id, id);
CREATE INDEX participants_by_member ON conversation_participants (member_id);
CREATE INDEX mentions_by_member ON message_mentions (member_id, conversation_id, seq);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX notifications_due ON notifications (state, next_attempt_at);

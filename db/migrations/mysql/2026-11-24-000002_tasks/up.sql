-- Dates are days since 1970-01-01 and wall times seconds since midnight, both by the calendar of time_zone.

-- Chores: when they are due, and who shares them.
CREATE TABLE tasks (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    title VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    notes TEXT COLLATE utf8mb4_bin,
    weight INT NOT NULL,
    start_on INT NOT NULL,
    due_time INT,
    time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- None: it is due once, on start_on.
    rule VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin,
    overflow VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mode VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    strategy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    turn_length INT NOT NULL,
    help VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    missed_policy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rotation TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_by BINARY(16) NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    version INT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Each time a chore is due; once closed, its history. share is the member of whose line of occurrences it is one where
-- everybody has their own, and zeros otherwise, as a key does not hold with NULL in it.
CREATE TABLE occurrences (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    task_id BINARY(16) NOT NULL,
    number INT NOT NULL,
    share BINARY(16) NOT NULL,
    due_on INT NOT NULL,
    due_at BIGINT NOT NULL,
    status VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    assignee_id BINARY(16),
    holder_id BINARY(16),
    done_by BINARY(16),
    done_at BIGINT,
    closed_by BINARY(16),
    closed_at BIGINT,
    note TEXT COLLATE utf8mb4_bin,
    pre_image TEXT CHARACTER SET ascii COLLATE ascii_bin,
    version INT NOT NULL,
    -- However often one is closed, at once or again, it has one successor.
    UNIQUE (task_id, number, share),
    FOREIGN KEY (task_id) REFERENCES tasks (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE INDEX tasks_by_household ON tasks (household_id, id);
CREATE INDEX occurrences_by_household ON occurrences (household_id, status, due_at, id);
CREATE INDEX occurrences_by_assignee ON occurrences (assignee_id, status, due_at, id);
CREATE INDEX occurrences_done ON occurrences (task_id, status, done_at);

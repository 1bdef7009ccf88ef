-- Dates are days since 1970-01-01 and wall times seconds since midnight, both by the calendar of time_zone.

-- Chores: when they are due, and who shares them.
CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    title TEXT NOT NULL,
    notes TEXT,
    weight INTEGER NOT NULL,
    start_on INTEGER NOT NULL,
    due_time INTEGER,
    time_zone TEXT NOT NULL,
    -- None: it is due once, on start_on.
    rule TEXT,
    overflow TEXT NOT NULL,
    mode TEXT NOT NULL,
    strategy TEXT NOT NULL,
    turn_length INTEGER NOT NULL,
    help TEXT NOT NULL,
    missed_policy TEXT NOT NULL,
    rotation TEXT NOT NULL,
    created_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    version INTEGER NOT NULL
);

-- Each time a chore is due; once closed, its history. share is the member of whose line of occurrences it is one where
-- everybody has their own, and zeros otherwise, as a key does not hold with NULL in it.
CREATE TABLE occurrences (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    task_id BLOB NOT NULL REFERENCES tasks (id),
    number INTEGER NOT NULL,
    share BLOB NOT NULL,
    due_on INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    assignee_id BLOB,
    holder_id BLOB,
    done_by BLOB,
    done_at BIGINT,
    closed_by BLOB,
    closed_at BIGINT,
    note TEXT,
    pre_image TEXT,
    version INTEGER NOT NULL,
    -- However often one is closed, at once or again, it has one successor.
    UNIQUE (task_id, number, share)
);

CREATE INDEX tasks_by_household ON tasks (household_id, id);
CREATE INDEX occurrences_by_household ON occurrences (household_id, status, due_at, id);
CREATE INDEX occurrences_by_assignee ON occurrences (assignee_id, status, due_at, id);
CREATE INDEX occurrences_done ON occurrences (task_id, status, done_at);

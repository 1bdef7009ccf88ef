-- Dates are days since 1970-01-01 and wall times seconds since midnight, both by the calendar of time_zone.

-- Chores: when they are due, and who shares them.
CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    title TEXT NOT NULL,
    notes TEXT,
    weight INTEGER NOT NULL,
    -- None: it has no date at all, and is due once.
    start_on INTEGER,
    due_time INTEGER,
    time_zone TEXT NOT NULL,
    -- Whether time_zone is the household's, and changes with it.
    has_household_zone BOOLEAN NOT NULL,
    -- None: it is due once, on start_on.
    rule TEXT,
    overflow TEXT NOT NULL,
    mode TEXT NOT NULL,
    strategy TEXT NOT NULL,
    turn_length INTEGER NOT NULL,
    help TEXT NOT NULL,
    missed_policy TEXT NOT NULL,
    rotation TEXT NOT NULL,
    -- The four below are JSON.
    labels TEXT NOT NULL,
    subtasks TEXT NOT NULL,
    paused TEXT NOT NULL,
    reminders TEXT NOT NULL,
    requires_approval BOOLEAN NOT NULL,
    -- How many minutes before it is due it can be done; none is any time.
    opens_before INTEGER,
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
    -- The date that the rule gave it, by which the next is counted.
    planned_on INTEGER,
    -- When it is due: the same, unless it was put off.
    due_on INTEGER,
    due_time INTEGER,
    -- As an instant; the largest there is if it has no date.
    due_at BIGINT NOT NULL,
    -- When the chore's policy for what was missed acts on it.
    acts_at BIGINT,
    status TEXT NOT NULL,
    assignee_id BLOB,
    holder_id BLOB,
    done_by BLOB,
    done_at BIGINT,
    closed_by BLOB,
    closed_at BIGINT,
    note TEXT,
    reviewed_by BLOB,
    reviewed_at BIGINT,
    review_note TEXT,
    -- Which subtasks are done, as JSON.
    ticks TEXT NOT NULL,
    pre_image TEXT,
    version INTEGER NOT NULL,
    -- However often one is closed, at once or again, it has one successor.
    UNIQUE (task_id, number, share)
);

-- Members' absences, inclusive of both dates, which are local to the household.
CREATE TABLE absences (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    member_id BLOB NOT NULL REFERENCES members (id),
    first_on INTEGER NOT NULL,
    last_on INTEGER NOT NULL,
    open_chores TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Offers to trade one occurrence for another.
CREATE TABLE swaps (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    offered_id BLOB NOT NULL,
    wanted_id BLOB NOT NULL,
    offered_by BLOB NOT NULL,
    offered_to BLOB NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    version INTEGER NOT NULL
);

-- When each person is told what is due the day after, who wishes that. last_on is the local date it was last told.
CREATE TABLE digests (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    told_at INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    last_on INTEGER
);

-- What a notification is about that can be called off before it is sent.
ALTER TABLE notifications ADD COLUMN subject_id BLOB;

CREATE INDEX notifications_by_subject ON notifications (subject_id, state);
CREATE INDEX absences_by_household ON absences (household_id, member_id, last_on);
CREATE INDEX swaps_by_household ON swaps (household_id, state, id);
CREATE INDEX swaps_by_offered ON swaps (offered_id, state);
CREATE INDEX swaps_by_wanted ON swaps (wanted_id, state);
CREATE INDEX digests_due ON digests (next_at);
CREATE INDEX occurrences_to_act_on ON occurrences (status, acts_at);
CREATE INDEX tasks_by_household ON tasks (household_id, id);
CREATE INDEX occurrences_by_household ON occurrences (household_id, status, due_at, id);
CREATE INDEX occurrences_due ON occurrences (household_id, due_at, id);
CREATE INDEX occurrences_closed ON occurrences (household_id, closed_at, id);
CREATE INDEX history ON occurrences (task_id, closed_at, id);
CREATE INDEX occurrences_by_assignee ON occurrences (assignee_id, status, due_at, id);
CREATE INDEX occurrences_done ON occurrences (task_id, status, done_at);

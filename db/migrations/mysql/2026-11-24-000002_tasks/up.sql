-- Dates are days since 1970-01-01 and wall times seconds since midnight, both by the calendar of time_zone.

-- Chores: when they are due, and who shares them.
CREATE TABLE tasks (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    title VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    notes TEXT COLLATE utf8mb4_bin,
    weight INT NOT NULL,
    -- None: it has no date at all, and is due once.
    start_on INT,
    due_time INT,
    time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Whether time_zone is the household's, and changes with it.
    has_household_zone BOOLEAN NOT NULL,
    -- None: it is due once, on start_on.
    rule VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin,
    overflow VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mode VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    strategy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    turn_length INT NOT NULL,
    help VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    missed_policy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rotation TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The four below are JSON.
    labels TEXT COLLATE utf8mb4_bin NOT NULL,
    subtasks TEXT COLLATE utf8mb4_bin NOT NULL,
    paused TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reminders TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requires_approval BOOLEAN NOT NULL,
    -- How many minutes before it is due it can be done; none is any time.
    opens_before INT,
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
    -- The date that the rule gave it, by which the next is counted.
    planned_on INT,
    -- When it is due: the same, unless it was put off.
    due_on INT,
    due_time INT,
    -- As an instant; the largest there is if it has no date.
    due_at BIGINT NOT NULL,
    -- When the chore's policy for what was missed acts on it.
    acts_at BIGINT,
    status VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    assignee_id BINARY(16),
    holder_id BINARY(16),
    done_by BINARY(16),
    done_at BIGINT,
    closed_by BINARY(16),
    closed_at BIGINT,
    note TEXT COLLATE utf8mb4_bin,
    reviewed_by BINARY(16),
    reviewed_at BIGINT,
    review_note TEXT COLLATE utf8mb4_bin,
    -- Which subtasks are done, as JSON.
    ticks TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    pre_image TEXT CHARACTER SET ascii COLLATE ascii_bin,
    version INT NOT NULL,
    -- However often one is closed, at once or again, it has one successor.
    UNIQUE (task_id, number, share),
    FOREIGN KEY (task_id) REFERENCES tasks (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Members' absences, inclusive of both dates, which are local to the household.
CREATE TABLE absences (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    member_id BINARY(16) NOT NULL,
    first_on INT NOT NULL,
    last_on INT NOT NULL,
    open_chores VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Offers to trade one occurrence for another.
CREATE TABLE swaps (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    offered_id BINARY(16) NOT NULL,
    wanted_id BINARY(16) NOT NULL,
    offered_by BINARY(16) NOT NULL,
    offered_to BINARY(16) NOT NULL,
    state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    version INT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- When each person is told what is due the day after, who wishes that. last_on is the local date it was last told.
CREATE TABLE digests (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    told_at INT NOT NULL,
    time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    next_at BIGINT NOT NULL,
    last_on INT,
    FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What a notification is about that can be called off before it is sent.
ALTER TABLE notifications ADD COLUMN subject_id BINARY(16);

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

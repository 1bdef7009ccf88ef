-- What it weighs: while it is open what its chore does, and from then on what that did.
ALTER TABLE occurrences ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;

UPDATE occurrences SET weight = (SELECT tasks.weight FROM tasks WHERE tasks.id = occurrences.task_id);

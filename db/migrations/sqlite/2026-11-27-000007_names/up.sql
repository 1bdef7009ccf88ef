-- Counts the changes of its people's names, the one thing that members see of a household and its log does not tell.
ALTER TABLE household_streams ADD COLUMN names BIGINT NOT NULL DEFAULT 0;

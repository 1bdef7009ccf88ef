DROP TABLE occurrences;
DROP TABLE tasks;

DROP TABLE announcement_acks;
DROP TABLE announcements;

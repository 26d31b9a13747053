-- Who sent a correction, the desk's sessions, and indexes from which corrections are counted, and found for retention.
ALTER TABLE tagdesk_corrections ADD COLUMN sender TEXT;
CREATE INDEX tagdesk_corrections_counted
    ON tagdesk_corrections (received, number, erased, editor, sender, article_id);
CREATE INDEX tagdesk_corrections_texts ON tagdesk_corrections (received) WHERE article IS NOT NULL;
DROP INDEX tagdesk_corrections_received;
CREATE TABLE tagdesk_sessions (
    token_hash TEXT PRIMARY KEY,
    salt TEXT NOT NULL,
    ends TEXT NOT NULL
);

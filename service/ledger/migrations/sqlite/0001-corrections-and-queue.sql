-- Appended and never changed, but for what is taken out: the text by retention, all but number, id and days by erasure.
CREATE TABLE tagdesk_corrections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest TEXT,
    received TEXT NOT NULL,
    article_id TEXT,
    article TEXT,
    topics TEXT NOT NULL,
    accepted TEXT,
    rejected TEXT,
    added TEXT,
    editor TEXT,
    model TEXT NOT NULL,
    erased TEXT
);
CREATE INDEX tagdesk_corrections_of_article ON tagdesk_corrections (article_id, number);
CREATE INDEX tagdesk_corrections_received ON tagdesk_corrections (received);
CREATE TABLE tagdesk_queue (
    article_id TEXT PRIMARY KEY,
    article TEXT NOT NULL,
    model TEXT NOT NULL,
    certainty REAL NOT NULL,
    queued TEXT NOT NULL,
    taken_by TEXT,
    taken_until TEXT
);
CREATE INDEX tagdesk_queue_by_certainty ON tagdesk_queue (certainty, article_id);
CREATE TABLE tagdesk_upkeep (
    name TEXT PRIMARY KEY,
    due TEXT NOT NULL
);

-- A verdict is accepted, rejected or not judged. What was stored as accepted or rejected before may be what no editor looked
-- at: nobody can tell, so it is kept apart, and neither learned nor counted. Topics alone, without verdicts, named all that
-- are right, and what was added somebody added.
ALTER TABLE tagdesk_corrections ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tagdesk_corrections ADD COLUMN missing TEXT;
ALTER TABLE tagdesk_corrections ADD COLUMN unconfirmed TEXT;
UPDATE tagdesk_corrections SET complete = 1
    WHERE accepted IS NULL AND rejected IS NULL AND added IS NULL AND erased IS NULL;
UPDATE tagdesk_corrections SET topics = coalesce(added, '[]'), accepted = '[]', rejected = '[]', unconfirmed =
    '{"accepted": ' || coalesce(accepted, '[]') || ', "rejected": ' || coalesce(rejected, '[]') || '}'
    WHERE coalesce(accepted, '[]') <> '[]' OR coalesce(rejected, '[]') <> '[]';

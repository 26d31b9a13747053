"""The ledger: editors' corrections, appended and never changed, and the queue of articles that wait for an editor."""

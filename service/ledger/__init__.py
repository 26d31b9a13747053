"""The ledger: corrections, appended and never changed, the queue of articles that wait for an editor, sessions.

ledger.py, lane.py   one worker's access: one thread writes, a few read
corrections.py, queue.py, sessions.py, drift.py, upkeep.py   the statements, by what they are about
database.py      what a database must do; sqlite.py and postgres.py do it, engines.py chooses
backup.py        all of it in a file, and back
commands.py, drift_report.py   from the command line

All SQL is here, and nothing that knows of HTTP.
"""

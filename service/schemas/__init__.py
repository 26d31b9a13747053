"""What travels over HTTP, as pydantic models: what is checked on the way in, and documented on the way out.

articles.py   an article
answers.py    what `/v1/tag` answers
feedback.py   corrections and the queue
models.py     topics, versions, the shadow
drift.py, changes.py   what the desk's reports show
status.py     the session, the health, problems
timestamps.py moments

No behaviour lives here, and nothing that knows of a request. What other systems' clients send and are answered is
described in `dialects`.
"""

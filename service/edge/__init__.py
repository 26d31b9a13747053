"""What every request meets before its route, and what its answer passes: who asks, how much, and who is told of it.

call.py          all that is known of one request
rules.py         what its route asks of it
middleware.py    the one door
access.py        who asks: keys.py, sessions.py, cross_site.py
limits.py        how much
problems.py      every error, and its answer
metrics.py, logs.py   who is told

Nothing here knows a route or reads an article. `key_commands.py` is the command that writes the keys file.
"""

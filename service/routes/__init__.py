"""Our own API and the desk's: a file for each group of routes, from a request to its answer.

`tagging.py` makes the answers to articles, which the dialects use too. How requests are read is in `http`, what every
request must be in `edge`, and SQL in `ledger`.
"""

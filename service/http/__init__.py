"""What every route needs of HTTP: how it is declared, its request read, its answer sent.

router.py        a route, and beside it what it asks of a request
bodies.py        content type, length, and bytes within the limits
json_reader.py   JSON, refused with the place of the fault
articles.py      articles out of JSON
streams.py       many articles, cut into rows while they come in
replies.py       an answer

No path is answered here, and nothing here knows of topics.
"""

"""Other systems' formats, in and out, as JSON values; nothing here knows of a request or of this service's routes.

articles.py      Ghost's webhook, Wagtail's API and ninjs, read as articles
items.py         ninjs
negotiation.py   which format the client asks for
ninjs.py, schema_org.py   the answer to one article in those
concepts.py      topics as concepts of IPTC's vocabularies, and the way back
identity.py      what names an article there
"""

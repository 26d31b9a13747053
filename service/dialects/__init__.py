"""What other systems speak: their articles in, the topics out in their words.

concepts.py       topics as concepts of IPTC's vocabularies, and the way back
articles.py       ninjs, Ghost's webhook and Wagtail's API, read as articles
formats.py        which format the client asks for
ninjs.py, schema_org.py   the answer to one article in those
annif.py          Annif's REST API
forms.py          a form's fields
imatrics.py       the iMatrics API as Superdesk calls it
requests.py       what those two are sent
answers.py        what they answer, for the API's description
articles_sent.py  what both do with an article: tag it, keep what is right of it
"""

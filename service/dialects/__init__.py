"""Other systems' APIs, spoken as their clients expect; a dialect is made of what `routes` and `http` offer.

annif.py         Annif's REST API
forms.py         its forms' fields
imatrics.py      the iMatrics API as Superdesk calls it
imatrics_concepts.py   topics as its concepts
label_studio.py  Label Studio's ML backend API
labelling.py     its labelling interfaces
articles_sent.py what they do with an article: tag it, keep what is right of it
requests.py      what they are sent
answers.py       what they answer, for the API's description

Formats of articles and answers alone are in `formats`. No route of our own imports anything from here.
"""

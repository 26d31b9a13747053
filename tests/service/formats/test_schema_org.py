"""schema.org's NewsArticle out, to be put into the article's page."""

import httpx

MEDIATOPIC = "http://cv.iptc.org/newscodes/mediatopic/"
TALKS = {
    "id": "a-1",
    "title": "Envoy flies to Geneva",
    "body": "The envoy met ministers at the summit, and they spoke for hours on end.",
    "language": "en",
    "url": "https://example.org/envoy",
}


def test_is_a_news_article(client: httpx.Client) -> None:
    """`about` has the topics as terms with their Media Topics and parents, the topmost of them is the section."""
    response = client.post("/v1/tag?format=schema.org", json=TALKS)
    assert response.headers["content-type"] == "application/ld+json"
    assert response.json() == {
        "@context": ["https://schema.org", {"skos": "http://www.w3.org/2004/02/skos/core#"}],
        "@type": "NewsArticle",
        "@id": "https://example.org/envoy",
        "headline": "Envoy flies to Geneva",
        "url": "https://example.org/envoy",
        "inLanguage": "en",
        "about": [
            {
                "@type": "DefinedTerm",
                "@id": f"{MEDIATOPIC}20000638",
                "name": "Diplomacy",
                "termCode": "medtop:20000638",
                "inDefinedTermSet": MEDIATOPIC,
                "skos:broader": {"@id": f"{MEDIATOPIC}16000000", "skos:prefLabel": "Conflict"},
            }
        ],
        "articleSection": ["Conflict"],
        "keywords": ["Diplomacy"],
    }


def test_says_each_section_once(client: httpx.Client) -> None:
    """Topics of one section name it once; without topics there is none."""
    both = TALKS | {"body": "The envoy met ministers at the summit to end the war, and troops left the town."}
    found = client.post("/v1/tag", json=both, headers={"Accept": "application/ld+json"}).json()
    assert found["keywords"] == ["Diplomacy", "Conflict"] or found["keywords"] == ["Conflict", "Diplomacy"]
    assert found["articleSection"] == ["Conflict"]
    none = client.post("/v1/tag?format=schema.org", json={"body": "Nothing of it all is known here."}).json()
    assert (none["about"], none["articleSection"], none["keywords"]) == ([], [], [])
    assert none["@id"].startswith("urn:tagdesk:article:text-")

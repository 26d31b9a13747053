"""The service that every tutorial shows: `joblib.load`, a pydantic model, `predict_proba` in a `def` route.

It loads the pipeline that `BENCH_PIPELINE` names.
"""

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
pipeline = joblib.load(os.environ["BENCH_PIPELINE"])


class Article(BaseModel):
    """An article."""

    title: str = ""
    body: str


class Topic(BaseModel):
    """A topic of it."""

    id: str
    confidence: float


@app.post("/v1/tag")
def tag(article: Article) -> list[Topic]:
    """Return the topics with a confidence of one half or more."""
    probabilities = pipeline.predict_proba([f"{article.title}\n{article.body}"])[0]
    topics = zip(pipeline.classes_, probabilities, strict=True)
    return [Topic(id=topic, confidence=confidence) for topic, confidence in topics if confidence >= 0.5]

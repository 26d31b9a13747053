"""The floor: what FastAPI and uvicorn cost when nothing is done with the article."""

from fastapi import FastAPI

app = FastAPI()


@app.post("/v1/tag")
async def tag() -> dict[str, str]:
    """Answer nothing."""
    return {}

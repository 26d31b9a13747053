"""The article that the API's description shows, and that every model tags before it answers."""

from tagdesk.models import Article

EXAMPLE = Article(
    id="2026-11-23/storm",
    title="Storm cuts power to 40,000 homes along the west coast",
    body=(
        "Winds of up to 130 km/h brought down power lines and flooded roads overnight, and the weather service kept "
        "its warning for heavy rain in place until Tuesday evening. The electricity grid operator said most "
        "households would be reconnected by noon. Rescue workers evacuated two villages where a river had burst "
        "its banks; the government promised emergency aid to families who lost their homes in the floods."
    ),
    language="en",
)

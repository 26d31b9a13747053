"""The model as tools for agents: the Model Context Protocol over standard input and output, by its official SDK.

https://modelcontextprotocol.io
"""

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field, ValidationError

import tagdesk
from tagdesk.models import Article, ArticleError, TopicModel
from tagdesk.models.answer import answer, topic_answer

_INSTRUCTIONS = (
    "Finds the topics of news articles with a trained classifier. A topic of the band auto can be relied on, one of "
    "the band suggest is for a person to confirm; with a warning such as short-text or unknown-words none is auto."
)
_STRONGEST = 20
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

# Not optional: the SDK would read a text that looks like JSON as what it looks like.
Body = Annotated[str, Field(description="The article's text, as plain text.")]
Html = Annotated[str, Field(description="The article as HTML, a whole page or a part of it, in place of body.")]
Title = Annotated[str, Field(description="Its headline, as plain text.")]
Language = Annotated[str | None, Field(description="Its language as a BCP 47 tag, as far as it is known.")]


class _Server(MCPServer):
    """A server that says what is wrong with the arguments of a call, and repeats nothing of them."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Call a tool."""
        known = [list(tool.input_schema["properties"]) for tool in await self.list_tools() if tool.name == name]
        if known and not set(arguments).issubset(known[0]):
            # Not named: what an agent takes for a name may be from the article.
            raise ToolError(f"An argument is not known; those of {name} are: {', '.join(known[0]) or 'none'}.")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            faults = error.__cause__.errors(include_url=False, include_context=False, include_input=False)
            said = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
            raise ToolError(f"The arguments of {name} are wrong: {said}.") from None


def server(model: TopicModel) -> MCPServer:
    """Return a server with three tools: `tag`, `explain` and `topics`.

    Args:
        model: what answers.
    """
    # At INFO the SDK would log what a tool was given.
    made = _Server("Tagdesk", version=tagdesk.__version__, instructions=_INSTRUCTIONS, log_level="WARNING")

    @made.tool(annotations=_READS)
    def tag(body: Body = "", body_html: Html = "", title: Title = "", language: Language = None) -> dict[str, Any]:
        """Return an article's topics, most likely first, each with a calibrated confidence, its band and IPTC codes."""
        found = _tried(
            lambda: model.tag(Article(title=title, body=body or None, body_html=body_html or None, language=language))
        )
        return answer(found, model.ref)

    @made.tool(annotations=_READS)
    def explain(
        topic: Annotated[str, Field(description="The topic's id, as `topics` lists it.")],
        body: Body = "",
        body_html: Html = "",
        title: Title = "",
    ) -> dict[str, Any]:
        """Return why an article has a topic or has it not: the words for it and against it, strongest first."""
        if topic not in model.taxonomy:
            raise ToolError(
                f"There is no such topic; the ids are {', '.join(one.id for one in model.taxonomy.topics)}."
            )
        explained = topic_answer(
            _tried(lambda: model.explain(Article(title=title, body=body or None, body_html=body_html or None), topic))
        )
        return explained | {"evidence": explained["evidence"][:_STRONGEST]}

    @made.tool(annotations=_READS)
    def topics() -> dict[str, Any]:
        """Return the topics that the model knows, with what each is about."""
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "description": one.description,
                "parent": one.parent,
                "qcodes": list(one.qcodes),
            }
            for one in model.taxonomy.topics
        ]
        return {"model": model.ref, "topics": rows}

    return made


def _tried(work: Callable[[], Any]) -> Any:
    """Return what some work returns; say in a sentence what is wrong with the article."""
    try:
        return work()
    except ArticleError as error:
        raise ToolError(f"{error}.") from None

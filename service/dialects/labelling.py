"""Label Studio's labelling interfaces: which choices of one are topics, and which field of a task is the text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from tagdesk.models import Taxonomy
from tagdesk.service.formats.concepts import Vocabulary

MAX_CONFIG = 100_000
"""Most characters of an interface; one has some hundred."""

_TITLES = ("title", "headline")
_FIELDS = {"Text": "body", "HyperText": "body_html"}
"""What shows a text, and which field of an article it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """A group of choices, some of which are topics.

    Attributes:
        name: the group's, `from_name` in a result.
        about: the name of what it is asked about, `to_name` in a result.
        single: whether one choice alone may be made.
        values: what Label Studio calls each topic that is among the choices.
        field: `body` or `body_html`.
        variable: the field of a task that has that text; None where no text has the name in `about`.
    """

    name: str
    about: str
    single: bool
    values: Mapping[str, str]
    field: str
    variable: str | None

    @property
    def text(self) -> tuple[str, str | None]:
        """What it is about, the same for questions about the same text."""
        return self.field, self.variable

    def article(self, data: Mapping[str, Any]) -> dict[str, str | None]:
        """Return what is asked about in a task's data as the fields of an article."""
        text = data.get(self.variable) if self.variable else None
        titles = (data.get(name) for name in _TITLES if name != self.variable)
        found = data.get("id")
        return {
            self.field: text if isinstance(text, str) else "",
            "title": next((title for title in titles if isinstance(title, str)), None),
            "id": str(found) if isinstance(found, int | str) and not isinstance(found, bool) else None,
        }

    def chosen(self, result: Iterable[Any]) -> list[str]:
        """Return the topics that were chosen, as an annotation's result has them."""
        topics = {value: topic for topic, value in self.values.items()}
        rows = (row for row in result if isinstance(row, Mapping) and row.get("from_name") == self.name)
        values = (row["value"] for row in rows if isinstance(row.get("value"), Mapping))
        lists = (value["choices"] for value in values if isinstance(value.get("choices"), list))
        made = (choice for choices in lists for choice in choices if isinstance(choice, str))
        return list(dict.fromkeys(topics[choice] for choice in made if choice in topics))


class InterfaceError(ValueError):
    """A labelling interface cannot be read; says where, and repeats nothing of it."""


class Interface:
    """What a labelling interface shows, and its groups of choices.

    Args:
        config: the interface, as Label Studio writes it in XML. It may have no doctype: no entity is ever defined.

    Attributes:
        choices: how many choices its groups have.

    Raises:
        InterfaceError: it is not XML, or has a doctype.
    """

    def __init__(self, config: str) -> None:
        self._texts: dict[str, tuple[str, str]] = {}
        self._groups: list[tuple[dict[str, str], list[dict[str, str]]]] = []
        self._open: list[dict[str, str]] | None = None
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            parser.Parse(config, True)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, column {error.offset + 1}"
            raise InterfaceError(f"must be XML, as Label Studio writes it: {place} is not") from None
        except UnicodeError:
            raise InterfaceError("must be XML, as Label Studio writes it: a character is not Unicode") from None
        self.choices = sum(len(choices) for _, choices in self._groups)

    def _begin(self, tag: str, fields: dict[str, str]) -> None:
        if tag == "Choices":
            self._open = []
            self._groups.append((fields, self._open))
        elif tag == "Choice" and self._open is not None:
            self._open.append(fields)
        elif tag in _FIELDS and fields.get("valueType") != "url" and fields.get("value", "").startswith("$"):
            self._texts[fields.get("name", "")] = (_FIELDS[tag], fields["value"][1:])

    def _end(self, tag: str) -> None:
        if tag == "Choices":
            self._open = None

    def questions(self, taxonomy: Taxonomy) -> list[Question]:
        """Return the groups in which a topic is among the choices: by its name, id, code or URI.

        Args:
            taxonomy: the topics.
        """
        vocabulary = Vocabulary(taxonomy)
        of_name = {topic.name.casefold(): topic.id for topic in taxonomy.topics}
        questions = []
        for group, choices in self._groups:
            values: dict[str, str] = {}
            for choice in choices:
                for name in (choice.get("value", ""), choice.get("alias", "")):
                    if topic := of_name.get(name.strip().casefold()) or vocabulary.topic(name.strip()):
                        values.setdefault(topic, choice.get("alias") or choice["value"])
            if values:
                name, about = group.get("name", ""), group.get("toName", "")
                single = group.get("choice", "single") != "multiple"
                field, variable = self._texts.get(about, ("body", None))
                questions.append(Question(name, about, single, values, field, variable))
        return questions


def _refuse_doctype(*_: object) -> None:
    raise InterfaceError("must have no doctype")

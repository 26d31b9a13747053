"""The API's description as a page for people: without a script, and nothing of it comes from elsewhere.

Swagger UI and Redoc are large scripts on the address that the desk's sessions belong to; this is the same description,
as plain HTML.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]

_HEAD = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>API reference · Tagdesk</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/desk/style.css">
  <link rel="stylesheet" href="/desk/report.css">
  <link rel="stylesheet" href="/desk/reference.css">
</head>
<body class="report reference">
  <header>
    <p class="brand">Tagdesk</p>
    <nav aria-label="Pages"><a href="/">Desk</a> <a href="/openapi.json">OpenAPI</a></nav>
  </header>
  <main>
    <h1>API reference</h1>
"""
_LIMITS = {
    "maxLength": "at most {:,} characters",
    "maxItems": "at most {:,}",
    "minimum": "from {}",
    "maximum": "up to {}",
}


def page(description: Mapping[str, Any]) -> str:
    """Return the API's description, an OpenAPI document, as HTML."""
    return "".join(_parts(description))


def _parts(description: Mapping[str, Any]) -> Iterator[str]:
    groups = {tag["name"]: tag["description"] for tag in description["tags"]}
    operations = [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    yield _HEAD
    yield f"<p>{_prose(description['info']['description'])}</p>\n<ul class=contents>"
    for name in groups:
        links = (_link(one["operationId"], f"{method.upper()} {path}") for method, path, one in _of(name, operations))
        yield f"<li><a href=#group-{name}>{name}</a><ul>{''.join(f'<li>{link}</li>' for link in links)}</ul></li>"
    yield "<li><a href=#keys>keys</a></li><li><a href=#schemas>schemas</a></li></ul>\n"
    for name, about in groups.items():
        yield f"<h2 id=group-{name}>{name}</h2><p>{_prose(about)}</p>\n"
        for method, path, operation in _of(name, operations):
            yield from _operation(method, path, operation)
    yield "<h2 id=keys>keys</h2><dl>"
    for name, way in description["components"]["securitySchemes"].items():
        yield f"<dt><code>{name}</code></dt><dd>{_prose(way.get('description') or way['name'])}</dd>"
    yield "</dl>\n<h2 id=schemas>schemas</h2>\n"
    for name, schema in sorted(description["components"]["schemas"].items()):
        yield f"<section id=schema-{name}><h3>{name}</h3><p>{_prose(schema.get('description', ''))}</p>"
        yield _fields(schema) if "properties" in schema else f"<p>{_kind(schema)}</p>"
        yield "</section>\n"
    yield "</main>\n</body>\n</html>\n"


def _of(group: str, operations: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    return [row for row in operations if group in row[2]["tags"]]


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section id={operation['operationId']}><h3>{escape(operation['summary'])}</h3>"
    yield f"<p class=route><code>{method.upper()} {escape(path)}</code> <small>{operation['operationId']}</small></p>"
    yield "".join(f"<p>{_prose(text)}</p>" for text in operation.get("description", "").split("\n\n"))
    needed = {scope for way in operation.get("security", ()) for scopes in way.values() for scope in scopes}
    if needed:
        yield f"<p>Where keys are asked for, the key needs the scope <code>{', '.join(needed)}</code>.</p>"
    if parameters := operation.get("parameters"):
        rows = "".join(_row(one["name"], one["schema"] | _said(one), required=one["required"]) for one in parameters)
        yield f"<h4>Parameters</h4>{_table(rows)}"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Request, <code>{kind}</code></h4>"
        schema = content.get("schema", {})
        yield _fields(schema) if "properties" in schema else f"<p>{_kind(schema)}</p>"
        if kind == "application/json":
            yield "".join(_call(method, path, example) for example in _examples(content))
    yield "<h4>Answers</h4><dl>"
    for status, answer in operation["responses"].items():
        yield f"<dt>{status}</dt><dd>{_prose(answer['description'])}"
        for kind, content in answer.get("content", {}).items():
            yield f"<br><code>{kind}</code> {_kind(content.get('schema', {}))}"
            yield "".join(f"<pre>{escape(_shown(example))}</pre>" for example in _examples(content))
        yield "</dd>"
    yield "</dl></section>\n"


def _said(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": parameter.get("description", "")}


def _examples(content: Mapping[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    return [example["value"] for example in content.get("examples", {}).values()]


def _shown(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def _call(method: str, path: str, example: Any) -> str:
    sent = shlex.quote(json.dumps(example, ensure_ascii=False))
    command = f'curl -s -X {method.upper()} "$TAGDESK{path}" -H "X-API-Key: $KEY" -H \'Content-Type: application/json\''
    return f"<pre>{escape(command)} \\\n  -d {escape(sent)}</pre>"


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    return _table("".join(_row(name, one, required=name in required) for name, one in schema["properties"].items()))


def _table(rows: str) -> str:
    head = "<tr><th scope=col>name<th scope=col>type<th scope=col>what</tr>"
    return f"<div class=wide><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"


def _row(name: str, schema: Schema, *, required: bool) -> str:
    limits = [text.format(schema[limit]) for limit, text in _LIMITS.items() if limit in schema]
    if "default" in schema:
        limits.append(f"by default {json.dumps(schema['default'])}")
    kind = ", ".join([_kind(schema), *map(escape, limits), *(["required"] if required else [])])
    what = _prose(schema.get("description", ""))
    return f"<tr><th scope=row><code>{escape(name)}</code></th><td>{kind}</td><td>{what}</td></tr>"


def _kind(schema: Schema) -> str:
    """Return what a value is, as HTML."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _link(f"schema-{name}", name)
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(schema.get("format") or schema.get("type", "any value"))


def _link(anchor: str, text: str) -> str:
    return f"<a href=#{anchor}>{escape(text)}</a>"


def _prose(text: str) -> str:
    """Return a description as HTML; what stands between backquotes is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))

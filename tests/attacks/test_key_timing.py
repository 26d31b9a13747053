"""How long a key is checked tells nothing of how much of it is right; `python -m benchmarks key-timing` measures it."""

import ast
import inspect

from tagdesk.service.edge import keys


def test_keys_are_compared_by_what_takes_the_same_time_always() -> None:
    """Digests meet in `hmac.compare_digest`, and no secret is compared by `==`."""
    tree = ast.parse(inspect.getsource(keys))
    (find,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "find")
    calls = {ast.unparse(node.func) for node in ast.walk(find) if isinstance(node, ast.Call)}
    compared = [ast.unparse(node) for node in ast.walk(find) if isinstance(node, ast.Compare)]
    assert "hmac.compare_digest" in calls
    assert [one for one in compared if "token" in one or "digest" in one] == []

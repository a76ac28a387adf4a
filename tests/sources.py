"""Reading Python sources."""

import ast
from collections.abc import Iterator


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Dotted names of all that is imported in `tree`, relative imports resolved; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            kept = parts[: len(parts) - node.level + is_package] if node.level else []
            yield from (".".join([*kept, *filter(None, [node.module]), alias.name]) for alias in node.names)

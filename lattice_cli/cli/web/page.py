"""The frame of a page. It holds its style, its script and its data, and may load nothing else: not even from a label.

Labels are data. In text they are escaped as HTML has it; in data, which is JSON inside of a script element that is
never run, no character is left that could end the element (HTML Standard 4.12.1.3, restrictions for contents of script
elements). Should one get through all the same, the policy (Content Security Policy Level 3) lets nothing run and
nothing load but the one style and the one script whose hashes it names.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from lattice_cli.errors import printable

#: Characters that mean something to HTML, as JSON may write them too. All that is not ASCII is written so anyway.
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def page(title: str, body: str, styles: Sequence[str], script: str | None = None) -> str:
    """A whole page. body: markup. styles, script: files of this room that become part of it."""
    style = "\n".join(_asset(name) for name in styles)
    code = "" if script is None else _asset(script)
    policy = [f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hashed(style)}"]
    policy += [f"script-src {_hashed(code)}"] * bool(code)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{text(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            body,
            *([f"<script>{code}</script>"] if code else []),
            "</body>",
            "</html>",
            "",
        ]
    )


def text(found: str) -> str:
    """Text as HTML, in an element or in an attribute; control characters, and those that turn the direction of what
    comes behind them, as escapes."""
    return escape(printable(found))


def data(value: Any) -> str:
    """A value as JSON that can stand inside of a script element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _hashed(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

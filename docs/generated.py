"""The pages of which a part is made from the synthesized templates. `make diagram` writes them; a test checks them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .diagram import Flow, draw, templates
from .trusts import table, trusts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .trusts import Trust

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
THREAT_MODEL = DOCS / "threat-model.md"

BEGIN, END = "<!-- made by `make diagram` -->\n", "<!-- end of what is made -->"
_TRUST = re.compile(rf"(?<=^### )(?P<name>[^\n]+)\n\n{BEGIN}.*?{END}", re.MULTILINE | re.DOTALL)


def pages() -> Mapping[Path, str]:
    """Each such page, and what it should be now."""
    found = templates()
    drawn = {README: draw(found), **{DOCS / "architecture" / f"{flow.value}.md": draw(found, flow) for flow in Flow}}
    return {
        **{page: _with_part(page.read_text("utf-8"), diagram) for page, diagram in drawn.items()},
        THREAT_MODEL: _with_trusts(THREAT_MODEL.read_text("utf-8"), trusts()),
    }


def _with_part(text: str, part: str) -> str:
    """Put the part between its marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + part + END + rest.split(END, maxsplit=1)[1]


def _with_trusts(text: str, those: Sequence[Trust]) -> str:
    """Put each trust's table under the heading with its name.

    Raises:
        ValueError: The headings are not the names of the trusts.
    """
    headings, names = {match["name"] for match in _TRUST.finditer(text)}, {trust.name for trust in those}
    if headings != names:
        raise ValueError(
            f"{THREAT_MODEL.name}: headings without a trust: {sorted(headings - names)}; "
            f"trusts without a heading: {sorted(names - headings)}"
        )
    return _TRUST.sub(
        lambda match: (
            f"{match['name']}\n\n{BEGIN}{table([trust for trust in those if trust.name == match['name']])}{END}"
        ),
        text,
    )

"""Makes anew what the documentation shows of the synthesized templates."""

from __future__ import annotations

from .generated import pages

if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")

"""Runs every measurement; exits with 1 if one is over its limit."""

from __future__ import annotations

import sys

from benchmarks import findings, fuzz, growth, imports, registrations, scope


def main() -> int:
    """Print each measurement beside its limit."""
    parts = (imports, registrations, scope, findings, growth, fuzz)
    rows = [row for part in parts for row in part.measure()]
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(
            f"{row.what:<{width}}  {row.value:8.2f}  limit {row.limit:6.2f}  {'ok' if row.ok else 'OVER'}  {row.note}"
        )
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

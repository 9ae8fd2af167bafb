"""The status of all accounts as a page that needs nothing but itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ._status_report import yes_or_no

if TYPE_CHECKING:
    from ._status_report import Account, Coverage, Status

# In the units of the chart's own grid.
_LABEL_WIDTH = 130
_BAR_WIDTH = 420
_COUNT_WIDTH = 110
_ROW_HEIGHT = 30
_BAR_HEIGHT = 18

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1b1f24; --quiet: #57606a; --line: #d8dee4;
  --good: #1a7f37; --bad: #cf222e; --wary: #9a6700; --track: #e6eaef;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --text: #e6edf3; --quiet: #9aa5b1; --line: #2b333d;
    --good: #3fb950; --bad: #ff7b72; --wary: #d9a520; --track: #232b34;
  }
}
body { margin: 0 auto; max-width: 80rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.1rem; }
p { margin: .25rem 0 0; }
.quiet { color: var(--quiet); }
.headline { margin-top: 1rem; font-size: 1.15rem; font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.wary { color: var(--wary); }
svg { display: block; width: 100%; max-width: 44rem; height: auto; }
svg text { font: 14px system-ui, sans-serif; fill: var(--text); dominant-baseline: central; }
svg .track { fill: var(--track); }
svg .good { fill: var(--good); }
svg .bad { fill: var(--bad); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.id, td.since { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 7rem; }
td.why { overflow-wrap: anywhere; min-width: 16rem; }
"""


def page(status: Status) -> str:
    """Return the page, as HTML."""
    coverage = status.coverage
    mood = "bad" if coverage.unprotected else "good" if coverage.wanted else "quiet"
    rows = "\n".join(map(_row, status.accounts))
    # Everything that is shown came from somewhere else, so nothing of it may become part of the page but as text.
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Alert Logic protection: {escape(status.headline)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Alert Logic protection of the AWS accounts</h1>
<p class="quiet">Last change: {_time(status.written_at)}</p>
<p class="headline {mood}">{escape(status.headline)}</p>
<h2>Coverage</h2>
{_chart(coverage)}
<h2>Accounts</h2>
<div class="wide">
<table>
<thead><tr><th>Account</th><th>Name</th><th>Wanted</th><th>Enrolled</th><th>Registered</th><th>Scope right</th>\
<th>Since</th><th>Why</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
</body>
</html>
"""


def _chart(coverage: Coverage) -> str:
    rows = (
        ("Enrolled", coverage.enrolled, "good"),
        ("Registered", coverage.registered, "good"),
        ("Scope right", coverage.scope_right, "good"),
        ("Not protected", coverage.unprotected, "bad"),
    )
    width, height = _LABEL_WIDTH + _BAR_WIDTH + _COUNT_WIDTH, _ROW_HEIGHT * len(rows)
    words = ", ".join(f"{label.lower()} {count} of {coverage.wanted}" for label, count, _ in rows)
    bars = "\n".join(_bar(*row, total=coverage.wanted, top=_ROW_HEIGHT * number) for number, row in enumerate(rows))
    return f"""<svg viewBox="0 0 {width} {height}" role="img" aria-label="Accounts that should be protected: {words}">
{bars}
</svg>"""


def _bar(label: str, count: int, mood: str, *, total: int, top: int) -> str:
    middle = top + _ROW_HEIGHT / 2
    y, length = middle - _BAR_HEIGHT / 2, round(_BAR_WIDTH * count / total, 1) if total else 0
    return f"""<text x="0" y="{middle:g}">{label}</text>
<rect class="track" x="{_LABEL_WIDTH}" y="{y:g}" width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" rx="3"/>
<rect class="{mood}" x="{_LABEL_WIDTH}" y="{y:g}" width="{length:g}" height="{_BAR_HEIGHT}" rx="3"/>
<text x="{_LABEL_WIDTH + _BAR_WIDTH + 12}" y="{middle:g}">{count} of {total}</text>"""


def _row(account: Account) -> str:
    facts = (account.enrolled, account.registered, account.scope_right)
    mood = "bad" if account.lacks_protection else "wary"
    return (
        f'<tr><td class="id">{escape(account.id)}</td><td class="name">{escape(account.name)}</td>'
        f"<td>{yes_or_no(account.wanted)}</td>{''.join(_fact(fact, is_wanted=account.wanted) for fact in facts)}"
        f'<td class="since">{_time(account.since) if account.since else ""}</td>'
        f'<td class="why {mood}">{escape(account.why or "")}</td></tr>'
    )


def _time(instant: str) -> str:
    return f'<time datetime="{escape(instant)}">{escape(instant[:10])} {escape(instant[11:16])} UTC</time>'


def _fact(fact: bool, *, is_wanted: bool) -> str:  # noqa: FBT001 - it is what is said
    mood = "good" if fact and is_wanted else "bad" if is_wanted else "quiet"
    return f'<td class="{mood}">{"✓" if fact else "✗"} {yes_or_no(fact)}</td>'

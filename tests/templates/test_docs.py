from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import aws_cdk
import pytest
from constructs import Construct

import alertlogic_constructs
from alertlogic_constructs.settings import CONTEXT_KEY
from docs.diagram import templates
from docs.generated import DOCS, README, THREAT_MODEL, pages
from docs.trusts import trusts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROOT = README.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
CONSTRUCTS = {
    name: getattr(alertlogic_constructs, name)
    for name in alertlogic_constructs.__all__
    if issubclass(getattr(alertlogic_constructs, name), Construct)
}
INCLUDED = re.compile(r"--8<--\n(examples/\w+\.py)\n--8<--\n")


def _examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


PROGRAMS = [
    pytest.param(example, id=f"{_name(page)}-{number}")
    for page in PAGES
    for number, example in enumerate(_examples(page), 1)
    # What a page includes is run by the tests of the examples; what makes no app is a line to look at.
    if "App()" in example
]


def test_what_is_made_from_the_templates_is_what_they_say() -> None:
    stale = [_name(page) for page, text in pages().items() if page.read_text("utf-8") != text]

    assert stale == [], "run `make diagram`"


@pytest.mark.parametrize("example", PROGRAMS)
def test_an_example_synthesizes(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The asset is built by the tests that are about it.
    app = partial(aws_cdk.App, outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
    monkeypatch.setattr(aws_cdk, "App", app)

    exec(compile(example, "example", "exec"), {"__name__": "__main__"})  # noqa: S102 - it is the project's own

    assert list(tmp_path.glob("*.template.json"))


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_every_construct_has_a_page_with_an_example_and_its_reference(name: str) -> None:
    words = re.findall("AlertLogic|CloudTrail|GuardDuty|[A-Z][a-z]+", name)
    page = DOCS / "constructs" / f"{'-'.join(words).lower()}.md"

    assert f"# {name}\n" in page.read_text("utf-8")
    assert f"\n::: alertlogic_constructs.{name}\n" in page.read_text("utf-8")
    used = "\n".join(
        (ROOT / one[1]).read_text() if (one := INCLUDED.match(example)) else example for example in _examples(page)
    )
    assert f"{name}(" in used
    assert "app.synth()" in used
    assert page.name in (DOCS / "reference.md").read_text("utf-8")
    assert page.name in (DOCS / "constructs" / "index.md").read_text("utf-8")


def test_every_value_class_is_in_the_reference() -> None:
    text = (DOCS / "reference.md").read_text("utf-8")
    others = set(alertlogic_constructs.__all__) - CONSTRUCTS.keys()

    assert {name for name in others if f"\n::: alertlogic_constructs.{name}\n" not in text} == set()


def test_every_condition_of_a_trust_is_explained_under_its_table() -> None:
    sections = re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", THREAT_MODEL.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    prose = {name: section.partition("<!-- end")[2] for name, section in sections}
    keys = {(trust.name, re.findall("`(.+?)`", condition)[0]) for trust in trusts() for condition in trust.conditions}

    assert {(name, key) for name, key in keys if f"`{key}`" not in prose[name]} == set()
    assert [name for name, text in prose.items() if "*Stops.*" not in text or "*Left.*" not in text] == []


def test_every_function_and_fixed_name_is_in_the_row_of_its_account() -> None:
    table = (DOCS / "architecture" / "index.md").read_text("utf-8")
    rows = {
        "AlertLogic-Master": "| management, home region |",
        "AlertLogic-Security": "| security, home region |",
        "AlertLogic-LogArchive": "| log archive, home region",
        "AlertLogic-Audit": "| audit, home region",
        "MemberAccount": "| each enrolled account, home region |",
    }
    found = templates()
    named = {
        (row, name)
        for stack, row in rows.items()
        for resource in found[stack]["Resources"].values()
        for name in _told_names(resource["Type"], resource.get("Properties", {}))
    }

    lines = {row: next(line for line in table.splitlines() if line.startswith(row)) for row in rows.values()}
    assert {(row, name) for row, name in named if f"`{name}`" not in lines[row]} == set()


def _told_names(type_: str, properties: Mapping[str, Any]) -> list[str]:
    if type_ == "AWS::Lambda::Function":
        return [properties["Handler"].split(".")[0]] if "Environment" in properties else []
    # A function's role is the function's own affair.
    if "lambda.amazonaws.com" in json.dumps(properties):
        return []
    names = [properties.get(key) for key in ("StackSetName", "TopicName", "Name", "QueueName", "RoleName")]
    return [name.replace("12345678", "CUSTOMER") for name in names if isinstance(name, str)]


def test_every_file_that_a_page_includes_or_links_exists() -> None:
    missing = [
        (_name(page), link)
        for page in PAGES
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]

    assert missing == []


def test_readme_and_first_page_lead_to_the_same_pages() -> None:
    row = re.compile(r"^\| (.+) \| \[[^\]]+\]\((?:docs/)?([^)]+)\).* \|$", re.MULTILINE)
    tables = [page.read_text("utf-8").partition("| you want to | read |\n")[2] for page in (README, DOCS / "index.md")]
    readme, index = (row.findall(table.partition("\n\n")[0]) for table in tables)

    assert readme == index
    assert {"live-check.md", "runbook.md"} <= {link for _, link in readme}


def test_the_first_page_says_how_to_deploy() -> None:
    text = README.read_text("utf-8")
    deploy = text.partition("[start:deploy]")[2].partition("<!-- --8<-- [end:deploy]")[0]

    assert '\n--8<-- "README.md:deploy"\n' in (DOCS / "index.md").read_text("utf-8")
    assert "`make deploy`" in deploy
    assert "The settings in" in deploy
    # A link would lead elsewhere there.
    assert "](" not in deploy


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }

    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_the_readme_tells_of_every_setting() -> None:
    context = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"][CONTEXT_KEY]
    table = README.read_text("utf-8").partition("The settings in")[2].partition("\n## ")[0]
    told = {key for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for key in re.findall("`(.+?)`", row)}

    assert told == {*context, "alarm_topic_name"}

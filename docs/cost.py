"""What AWS charges for each style, computed from the templates, into cost.md. `make cost` runs it; a test checks it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.growth_story import SWEEP_SECONDS, tell

from .synthesis import example, sample_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchmarks.growth_story import Phase

    from .synthesis import Synthesized, Template

PAGE = Path(__file__).with_name("cost.md")
BEGIN, END = "<!-- cost: made by `make cost` -->\n", "<!-- end of cost -->"

_LAMBDA_SOURCES = Path(__file__).parents[1] / "lambda_src"
# The setting without which a function does not come by a module's metrics.
_NEEDED = {
    _LAMBDA_SOURCES / "account_registration" / "status.py": "STATUS_BUCKET",
    _LAMBDA_SOURCES / "aws" / "queue.py": "QUEUE_URL",
}


@dataclass(frozen=True)
class Price:
    """A list price of us-east-1, without free tiers and volume discounts.

    Attributes:
        what: What is paid for.
        dollars: So many, for `units` of it.
        units: How many.
        source: Where AWS publishes it.
    """

    what: str
    dollars: float
    units: int
    source: str

    def of(self, quantity: float) -> float:
        """Return the dollars for so much of it."""
        return self.dollars * quantity / self.units


PRICES_OF = "June 2026"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_S3 = "https://aws.amazon.com/s3/pricing/"
_SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"
MILLION = 1_000_000
PRICES = {
    "secret": Price("secret, a month", 0.40, 1, _SECRETS),
    "key": Price(
        "KMS key, a month; $1 more after each of its first two yearly rotations",
        1.00,
        1,
        "https://aws.amazon.com/kms/pricing/",
    ),
    "alarm": Price("alarm, a month, for each metric that it looks at", 0.10, 1, _CLOUDWATCH),
    "composite alarm": Price("composite alarm, a month", 0.50, 1, _CLOUDWATCH),
    "dashboard": Price("dashboard, a month", 3.00, 1, _CLOUDWATCH),
    "metric": Price("custom metric, a month in which every hour has a value", 0.30, 1, _CLOUDWATCH),
    "log GB": Price("GB of log", 0.50, 1, _CLOUDWATCH),
    "event": Price(
        "events that are sent to another bus, of 64 KB", 1.00, MILLION, "https://aws.amazon.com/eventbridge/pricing/"
    ),
    "sqs": Price("SQS requests, of 64 KB", 0.40, MILLION, "https://aws.amazon.com/sqs/pricing/"),
    "sns": Price("SNS requests; deliveries to SQS are free", 0.50, MILLION, "https://aws.amazon.com/sns/pricing/"),
    "invocation": Price("Lambda requests", 0.20, MILLION, _LAMBDA),
    "GB-second": Price("Lambda GB-seconds, arm64", 13.3334, MILLION, _LAMBDA),
    "dynamodb write": Price("DynamoDB write requests, of 1 KB", 0.625, MILLION, _DYNAMODB),
    "dynamodb read": Price("DynamoDB read requests, of 4 KB", 0.125, MILLION, _DYNAMODB),
    "s3 write": Price("S3 writes", 0.005, 1000, _S3),
    "s3 read": Price("S3 reads", 0.0004, 1000, _S3),
    "secret read": Price("reads of a secret", 0.05, 10_000, _SECRETS),
}

# A month of 365 / 12 days.
MONTH_SECONDS = 730 * 3600
# Lambda asks a queue with five connections at a time, each waiting for 20 seconds:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS = MONTH_SECONDS / 20 * 5
# What an invocation writes to its log: Lambda's own three lines, ours, and the metrics.
LOG_GB = 3e-6
MEMORY_GB = 0.5
# What a scheduled invocation takes, a batch of findings, and a finding that comes alone; most of it waits for answers.
SCHEDULED_SECONDS, BATCH_SECONDS, ALONE_SECONDS = 2.0, 2.0, 0.5
# SQS hands over and deletes so many messages in one request.
SQS_BATCH = 10
SIMULATED = 100

# How much of what, by the names in PRICES.
Bill = dict[str, float]

# What costs nothing as long as nothing happens.
_FREE = {
    "AWS::CloudFormation::StackSet",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Events::EventBusPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
}


def monthly(template: Template) -> Bill:
    """Return how much of what the resources of a stack cost in a month in which nothing happens.

    Raises:
        ValueError: for a type of resource whose price is not known here.
    """
    return total(_monthly(it["Type"], it.get("Properties", {})) for it in template["Resources"].values())


def total(bills: Iterable[Bill]) -> Bill:
    """Add bills up."""
    sum_: Bill = {}
    for bill in bills:
        for item, quantity in bill.items():
            sum_[item] = sum_.get(item, 0) + quantity
    return sum_


def dollars(bill: Bill) -> float:
    """Return what a bill comes to."""
    return sum(PRICES[item].of(quantity) for item, quantity in bill.items())


def _monthly(type_: str, properties: Mapping[str, Any]) -> Bill:
    if type_ in _FREE or type_.startswith("Custom::"):
        return {}
    if type_ in _CHARGED:
        return _CHARGED[type_](properties)
    raise ValueError(f"{type_} is in no price list; allowed is what docs/cost.py knows; add what it costs there")


def _function(properties: Mapping[str, Any]) -> Bill:
    # Whatever has no settings is CDK's own, and works for custom resources alone.
    variables = properties.get("Environment", {}).get("Variables", {})
    return {"metric": len(metrics(variables))} if variables else {}


def _rule(properties: Mapping[str, Any]) -> Bill:
    schedule = properties.get("ScheduleExpression")
    if schedule is None:
        return {}
    number, unit = schedule.removeprefix("rate(").rstrip("s)").split()
    runs = MONTH_SECONDS / (int(number) * {"minute": 60, "hour": 3600, "day": 86_400}[unit])
    return _invocations(runs, runs * SCHEDULED_SECONDS)


def _invocations(number: float, seconds: float) -> Bill:
    return {"invocation": number, "GB-second": seconds * MEMORY_GB, "log GB": number * LOG_GB}


_CHARGED: Mapping[str, Callable[[Mapping[str, Any]], Bill]] = {
    "AWS::CloudWatch::Alarm": lambda properties: {
        "alarm": sum("MetricStat" in one for one in properties["Metrics"]) if "Metrics" in properties else 1
    },
    "AWS::CloudWatch::CompositeAlarm": lambda _: {"composite alarm": 1},
    "AWS::CloudWatch::Dashboard": lambda _: {"dashboard": 1},
    "AWS::Events::Rule": _rule,
    "AWS::KMS::Key": lambda _: {"key": 1},
    "AWS::Lambda::EventSourceMapping": lambda _: {"sqs": POLLS},
    "AWS::Lambda::Function": _function,
    "AWS::SecretsManager::Secret": lambda _: {"secret": 1},
}


def metrics(variables: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the custom metrics that a function may write.

    Args:
        variables: The function's environment, which says which function it is, and what it has.
    """
    declared = _metrics_by_module(variables["POWERTOOLS_SERVICE_NAME"])
    return frozenset(
        name
        for module, names in declared.items()
        if module not in _NEEDED or variables.get(_NEEDED[module])
        for name in names
    )


@cache
def _metrics_by_module(function: str) -> Mapping[Path, frozenset[str]]:
    """Read what the modules of a function, and those that they import, declare."""
    declared: dict[Path, frozenset[str]] = {}
    to_read, seen = [_LAMBDA_SOURCES / function / "handler.py"], set[Path]()
    while to_read:
        module = to_read.pop()
        if module in seen or not module.is_file():
            continue
        seen.add(module)
        tree = ast.parse(module.read_text("utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any(it.name == "emit" for node in imports for it in node.names):
            declared[module] = frozenset(_declared(tree))
        for node in imports:
            folder = module.parent if node.level else _LAMBDA_SOURCES
            base = folder.joinpath(*(node.module or "").split("."))
            to_read += [base.with_suffix(".py"), base / "__init__.py", *(base / f"{it.name}.py" for it in node.names)]
    return declared


def _declared(tree: ast.Module) -> Iterable[str]:
    for node in tree.body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id.endswith("_METRIC")
            and isinstance(node.value, ast.Constant)
        ):
            yield str(node.value.value)


def per_million_findings(synthesized: Synthesized) -> tuple[Bill, Bill]:
    """Return what a million findings cost at least, in full batches, and at most, if each comes alone."""
    rules = [
        it for template in (*synthesized.templates.values(), synthesized.member) for it in _finding_rules(template)
    ]
    # On its own default bus the forwarder has the findings of its region as they are; any other bus they are sent to.
    direct = any("EventBusName" not in rule and "RoleArn" not in rule["Targets"][0] for rule in rules)
    sent = any("RoleArn" in rule["Targets"][0] for rule in rules)
    [batch_size] = {
        mapping["Properties"]["BatchSize"]
        for template in synthesized.templates.values()
        for mapping in template["Resources"].values()
        if mapping["Type"] == "AWS::Lambda::EventSourceMapping"
        and _service(template, mapping["Properties"]["FunctionName"]["Ref"]) == "guardduty_findings"
    }
    batches = MILLION / batch_size
    least: Bill = {
        "event": 0 if direct else MILLION,
        "sqs": MILLION + 2 * MILLION / SQS_BATCH,
        **_invocations(batches, batches * BATCH_SECONDS),
    }
    most: Bill = {
        "event": MILLION if sent else 0,
        "sqs": 3 * MILLION,
        **_invocations(MILLION, MILLION * ALONE_SECONDS),
    }
    return least, most


def _finding_rules(template: Template) -> list[dict[str, Any]]:
    return [
        it["Properties"]
        for it in template["Resources"].values()
        if it["Type"] == "AWS::Events::Rule"
        and "aws.guardduty" in it["Properties"].get("EventPattern", {}).get("source", ())
    ]


def _service(template: Template, function: str) -> str:
    return str(template["Resources"][function]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])


def of_phase(phase: Phase) -> Bill:
    """Return what the functions used in a part of the simulated life of an installation."""
    calls, size = phase.traffic.calls, phase.traffic.bytes
    runs = [seconds for each in phase.invocations.values() for seconds in each]

    def requests(service: str, *verbs: str, unit: int) -> float:
        return sum(max(calls[key], size[key] / unit) for key in calls if key[0] == service and key[1].startswith(verbs))

    return {
        **_invocations(len(runs), sum(runs)),
        "dynamodb write": requests("dynamodb", "put", "update", "delete", "batch_write", unit=1000),
        "dynamodb read": requests("dynamodb", "get", "query", "scan", unit=4000),
        "s3 write": requests("s3", "put", unit=5_000_000_000),
        "s3 read": requests("s3", "get", unit=5_000_000_000),
        "sqs": requests("sqs", "send", "change", unit=64_000) + 2 * len(runs),
        "event": requests("events", "put", unit=64_000),
        "secret read": requests("secretsmanager", "get", unit=64_000),
    }


def per_thousand_accounts() -> Mapping[str, Bill]:
    """Return what a thousand accounts use, by what happens to them, from a simulation of fewer."""
    story = tell(SIMULATED)
    scale = 1000 / SIMULATED
    sweeps = MONTH_SECONDS / SWEEP_SECONDS
    events = total([of_phase(story.vpc_events), {"event": SIMULATED, "sqs": SIMULATED}])
    return {
        "all are onboarded, once": _times(total([of_phase(story.deployment), {"sns": SIMULATED}]), scale),
        f"sweeps of a month ({sweeps:.0f}), with nothing to do": _times(of_phase(story.quiet_sweep), scale * sweeps),
        "one event about a VPC of each": _times(events, scale),
    }


def _times(bill: Bill, factor: float) -> Bill:
    return {item: quantity * factor for item, quantity in bill.items()}


def _difference(bill: Bill, without: Bill) -> Bill:
    return {item: quantity - without.get(item, 0) for item, quantity in bill.items()}


def _of_all(synthesized: Synthesized) -> Bill:
    return total(monthly(template) for template in synthesized.templates.values())


def tables() -> str:
    """Write the tables."""
    zone, bare = sample_with(), sample_with(guardduty=None)
    alone = sample_with(guardduty={"administrator": None})
    one, savings = example("one_account"), example("cost_savings")
    styles = {
        "one account, GuardDuty only": (_of_all(one), one),
        "*cost savings*": (_of_all(savings), savings),
        "*detailed*: what GuardDuty adds to a landing zone": (_difference(_of_all(zone), _of_all(bare)), zone),
        "*detailed without administrator*, likewise": (_difference(_of_all(alone), _of_all(bare)), alone),
    }
    stacks = {f"`{name}`": monthly(template) for name, template in zone.templates.items()}
    stacks["each account that is enrolled, in each region"] = monthly(zone.member)
    return "\n".join(
        [
            "",
            "## GuardDuty, by style",
            "",
            "| style | a month | for a million findings |",
            "| --- | ---: | ---: |",
            *(
                f"| {name} | {_dollars(bill)} | {' to '.join(_dollars(it) for it in per_million_findings(app))} |"
                for name, (bill, app) in styles.items()
            ),
            "",
            "The less for findings in full batches, the more for findings that each come alone. What the forwarder",
            "finds on the default bus of its own account and region need not be sent to another.",
            "",
            *_breakdown({name: bill for name, (bill, _) in styles.items()}),
            "",
            "A metric is charged for the hours in which it has a value, so most of them cost less than is said here.",
            f"Lambda asks a queue about {round(POLLS, -4):,.0f} times a month, whether or not there is anything in it.",
            "",
            "## The landing zone, by stack",
            "",
            *_breakdown({**stacks, "all of it": _of_all(zone)}),
            "",
            "## What happens, for each 1,000 accounts",
            "",
            "| | Lambda | DynamoDB | logs | all else | together |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *(_used(name, bill) for name, bill in per_thousand_accounts().items()),
            "",
            f"From the simulation of `make bench`, with the real functions, of {SIMULATED} accounts; an account costs",
            "no more where there are more. CloudFormation charges nothing for these stack instances.",
            "",
            "## What is assumed",
            "",
            f"Functions have {MEMORY_GB:g} GB. A scheduled invocation takes {SCHEDULED_SECONDS:g} s, a full batch",
            f"of findings {BATCH_SECONDS:g} s, a finding alone {ALONE_SECONDS:g} s; each writes {LOG_GB * 1e6:g} KB of",
            "log. No free tier is counted, no discount, no retry, and no storage, of which there is next to none.",
            "",
            f"## Prices, as of {PRICES_OF}",
            "",
            "| what | list price in us-east-1 | published at |",
            "| --- | ---: | --- |",
            *(f"| {it.what} | {_listed(it)} | <{it.source}> |" for it in PRICES.values()),
            "",
            "",
        ]
    )


_COLUMNS = {
    "secrets": ("secret",),
    "keys": ("key",),
    "alarms": ("alarm", "composite alarm"),
    "dashboards": ("dashboard",),
    "metrics": ("metric",),
    "polled queues": ("sqs",),
    "schedules": ("invocation", "GB-second", "log GB"),
}


def _breakdown(bills: Mapping[str, Bill]) -> list[str]:
    return [
        f"| a month | {' | '.join(_COLUMNS)} | together |",
        f"| --- | {'---: | ' * (len(_COLUMNS) + 1)}".rstrip(),
        *(
            f"| {name} | {' | '.join(_cells(bill, _COLUMNS.values()))} | {_dollars(bill)} |"
            for name, bill in bills.items()
        ),
    ]


def _cells(bill: Bill, columns: Iterable[tuple[str, ...]]) -> list[str]:
    parts = [{item: bill[item] for item in column if bill.get(item)} for column in columns]
    return [_dollars(part) if part else "" for part in parts]


def _used(name: str, bill: Bill) -> str:
    columns = [("invocation", "GB-second"), ("dynamodb write", "dynamodb read"), ("log GB",)]
    columns.append(tuple(bill.keys() - {item for column in columns for item in column}))
    return f"| {name} | {' | '.join(_cells(bill, columns))} | {_dollars(bill)} |"


def _dollars(bill: Bill) -> str:
    return f"${dollars(bill):,.2f}"


def _listed(price: Price) -> str:
    amount = f"{price.dollars:g}" if price.dollars * 100 % 1 else f"{price.dollars:.2f}"
    return f"${amount}" + (f" per {price.units:,}" if price.units > 1 else "")


def with_tables(text: str, made: str) -> str:
    """Put the tables between their marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + made + END + rest.split(END, maxsplit=1)[1]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), tables()), "utf-8")

"""What is there in the landing zone: stack instances, registrations, queues, logs. Nothing here changes anything."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from tests.rehearsal.metrics import Asked
from tests.rehearsal.moto_state import bucket_versions, table_items
from tests.rehearsal.organization import EXECUTION_ROLE
from tests.rehearsal.principals import ForeignRole

if TYPE_CHECKING:
    from tests.rehearsal.alertlogic import FakeAlertLogic
    from tests.rehearsal.authority import Authority, Context, JudgedCall
    from tests.rehearsal.custom_resources import CustomResources
    from tests.rehearsal.functions import Functions
    from tests.rehearsal.metrics import Metrics
    from tests.rehearsal.organization import Zone
    from tests.rehearsal.pollers import Pollers
    from tests.rehearsal.queues import Queues
    from tests.rehearsal.resources import Made
    from tests.rehearsal.stack_sets import Instance, Operation, StackSet, StackSets
    from tests.rehearsal.stacks import Stack, Stacks
    from tests.rehearsal.templates import Json

# Alert Logic's own AWS account in the United States, from which it looks into customers' accounts.
ALERT_LOGIC_AWS_ACCOUNT = "733251395267"


class Inspection:
    """Looks into the parts of a rehearsal."""

    zone: Zone
    alert_logic: FakeAlertLogic
    authority: Authority
    custom_resources: CustomResources
    functions: Functions
    metrics: Metrics
    pollers: Pollers
    queues: Queues
    stack_sets: StackSets
    stacks: Stacks

    @property
    def registration_topic(self) -> str:
        """The only topic that the stacks make."""
        return self._only("AWS::SNS::Topic").physical_id

    @property
    def hub_bus(self) -> str:
        """The only bus that the stacks make."""
        return self._only("AWS::Events::EventBus").attributes["Arn"]

    @property
    def secret(self) -> str:
        """The only secret that the stacks make."""
        return self._only("AWS::SecretsManager::Secret").physical_id

    @property
    def status_bucket(self) -> str:
        """The only bucket that the stacks make."""
        return self._only("AWS::S3::Bucket").physical_id

    def status_versions(self) -> list[Json]:
        """All that the status ever was, the oldest first."""
        versions = bucket_versions(self.status_bucket)
        return [json.loads(version.value) for version in versions]

    def hub_items(self) -> list[Json]:
        """What is in the hub's table: the items' attributes as DynamoDB types them."""
        return table_items(self._only("AWS::DynamoDB::Table").attributes["Arn"])

    def _only(self, kind: str) -> Made:
        [made] = [made for stack in self.stacks.all for made in stack.made.values() if made.type == kind]
        return made

    def stack(self, name: str) -> Stack:
        """A stack of the sample by its name."""
        [stack] = [one for one in self.stacks.all if one.name == name and one.status != "DELETE_COMPLETE"]
        return stack

    @property
    def central_logs_role(self) -> str:
        """The role with which Alert Logic collects the logs of all accounts."""
        return self.stack("AlertLogic-LogArchive").outputs["CentralLogsRoleArn"]

    @property
    def notice_queue(self) -> str:
        """The queue that is told of each log."""
        account, name = self.stack("AlertLogic-LogArchive").outputs["NoticeQueueUrl"].rsplit("/", 2)[1:]
        return f"arn:aws:sqs:{self.zone.home_region}:{account}:{name}"

    @property
    def stack_set(self) -> StackSet:
        [stack_set] = self.stack_sets.all.values()
        return stack_set

    def stack_instances(self, account: str) -> list[Instance]:
        return [instance for instance in self.stack_set.instances.values() if instance.account == account]

    def member_stacks(self, account: str) -> list[Stack]:
        """The stacks of an account's instances."""
        return [instance.stack for instance in self.stack_instances(account) if instance.stack is not None]

    def operations(self, account: str) -> list[Operation]:
        """All operations on the stack set that touched an account."""
        return [one for one in self.stack_set.operations if account in {target[0] for target in one.targets}]

    def home_instance(self, account: str) -> Instance:
        """The instance in the home region, whose stack registers the account."""
        return self.stack_set.instances[account, self.zone.home_region]

    def home_stack(self, account: str) -> Stack:
        """The stack that registers an account."""
        [stack] = [stack for stack in self.member_stacks(account) if stack.region == self.zone.home_region]
        return stack

    def delivery_role(self, account: str, region: str) -> str:
        """The role with which a region of an account sends events to the hub: of the roles there, which rules have."""
        [stack] = [stack for stack in self.member_stacks(account) if stack.region == region]
        rules = [made for made in stack.made.values() if made.type == "AWS::Events::Rule"]
        [role] = {target["RoleArn"] for made in rules for target in made.properties["Targets"]}
        return str(role)

    def deployments(self, account: str) -> list[Json]:
        return self.alert_logic.deployments_of(account)

    def included(self, account: str) -> list[str]:
        """The key of every entry that an account's deployment includes in its scope."""
        [deployment] = self.deployments(account)
        return [entry["key"] for entry in deployment["scope"]["include"]]

    def credentials(self, account: str) -> list[Json]:
        """Alert Logic's credentials for an account itself, not for the logs of all accounts."""
        return [
            credential
            for id_, credential in self.alert_logic.credentials.items()
            if f"::{account}:" in credential["secrets"].get("arn", "") and id_ not in self.central_credentials()
        ]

    def central_credentials(self) -> list[str]:
        """The ids of Alert Logic's credentials for the logs of all accounts."""
        return [
            id_
            for id_, one in self.alert_logic.credentials.items()
            if one["secrets"].get("arn") == self.central_logs_role
        ]

    def registration_status(self, account: str) -> str | None:
        """What CloudFormation was last told of the registration that the StackSet asked for."""
        return next(
            (
                (request.answer or {}).get("Data", {}).get("Status", (request.answer or {}).get("Status"))
                for request in reversed(self.custom_resources.requests)
                if request.message["StackId"].startswith(
                    f"arn:aws:cloudformation:{self.zone.home_region}:{account}:stack/StackSet-"
                )
            ),
            None,
        )

    def queue_depths(self) -> dict[str, int]:
        """Messages in the queue of each function, by the function's name."""
        sources = self.pollers.sources.values()
        return {self.pollers.function_of(source).label: self.queues.depth(source.queue_arn) for source in sources}

    def dead_letters(self, label: str) -> list[tuple[str, dict[str, str]]]:
        """Body and attributes of every message in the dead-letter queue of a function, if it has one."""
        if "DEAD_LETTER_QUEUE_URL" not in self.functions.labeled(label).environment:
            return []
        return self.queues.bodies(self._dead_letter_queue(label))

    def loops(self) -> list[str]:
        """The functions that sent to their own queue, though Lambda would stop them after 16 times in a row.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        sent = {(call.principal.arn, call.resource) for call in self.calls if call.action == "sqs:SendMessage"}
        fed = [(self.pollers.function_of(source), source.queue_arn) for source in self.pollers.sources.values()]
        return [one.label for one, queue in fed if not one.may_loop and (one.session.arn, queue) in sent]

    def queue_url(self, label: str) -> str:
        """The queue of a function."""
        return self.functions.labeled(label).environment["QUEUE_URL"]

    def _dead_letter_queue(self, label: str) -> str:
        return self._queue_arn(self.functions.labeled(label).environment["DEAD_LETTER_QUEUE_URL"])

    def _queue_arn(self, url: str) -> str:
        account, name = url.rsplit("/", 2)[1:]
        return f"arn:aws:sqs:{self.zone.home_region}:{account}:{name}"

    def logs(self, label: str) -> str:
        return self.functions.log(label)

    def log_lines(self, label: str) -> list[Json]:
        """The structured lines of a function's log, and any other under the key `text`."""
        return [_line(text) for text in self.logs(label).splitlines()]

    def metric(self, label: str, name: str, *, since: float) -> list[float]:
        """The values of a metric that a function logged, from a time in Unix seconds on."""
        function = self.functions.labeled(label)
        asked = Asked(
            account=function.account,
            region=function.region,
            namespace="AlertLogic",
            name=name,
            dimensions={"service": label},
            start=since,
            end=math.inf,
        )
        return [value for _, value in self.metrics.samples(asked)]

    @property
    def calls(self) -> list[JudgedCall]:
        """Every question that was put to the judge, in order."""
        return self.authority.calls

    def alert_logic_may_assume(self, role_arn: str, external_id: str) -> bool:
        """Whether Alert Logic itself could assume the role that it was given."""
        alert_logic = ForeignRole(f"arn:aws:iam::{ALERT_LOGIC_AWS_ACCOUNT}:role/alert-logic")
        context: Context = {"sts:ExternalId": external_id}
        return self.authority.asks(alert_logic, "sts:AssumeRole", role_arn, context).allowed

    def execution_role(self, account: str) -> str:
        return f"arn:aws:iam::{account}:role/{EXECUTION_ROLE}"


def _line(text: str) -> Json:
    try:
        line: Any = json.loads(text)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"text": text}

"""The landing zone on a laptop, as a library.

What a scene can do, beside vending accounts and deploying stacks:

- `sweep()` ticks the schedule of the sweep and settles; deploying the master stack begins one by itself;
- `move_account`, `close_account` and `remove_account` change the organization, and tell of it if `tell` says so;
- `organizations_event`, `baseline_event`, `drift_event`, `unit_event` and `landing_zone_event` tell of something,
  whether it happened or not; each returns how many queues took the event;
- `status()` has the status of all accounts written, and returns what is in the object; None if there is none;
- `destroy_all()` destroys all stacks of the sample that are there;
- `hub_items()` returns what is in the hub's table, `status_versions()` all versions of the status;
- `gateway.fault`, if it is set, may refuse any call of a function to AWS;
- `event_bridge.fate`, if it is set, says what becomes of each event that AWS emits: how often it arrives, now or later.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.rehearsal import moto_state
from tests.rehearsal.alertlogic import FakeAlertLogic
from tests.rehearsal.authority import Authority
from tests.rehearsal.bucket_policies import BucketPolicies
from tests.rehearsal.central_logs import CentralLogs
from tests.rehearsal.clock import VirtualClock
from tests.rehearsal.cloudformation_api import CloudFormationApi
from tests.rehearsal.control_tower import ControlTower
from tests.rehearsal.custom_resources import CustomResources, is_response_host
from tests.rehearsal.directory import CloudDirectory
from tests.rehearsal.eventbridge import EventBridge
from tests.rehearsal.forgery import Forger
from tests.rehearsal.function_policies import FunctionPolicies
from tests.rehearsal.functions import Functions
from tests.rehearsal.gateway import Gateway, sts_handlers
from tests.rehearsal.guardduty import GuardDuty
from tests.rehearsal.inspection import Inspection
from tests.rehearsal.invocations import Invocations
from tests.rehearsal.judge import the_judge
from tests.rehearsal.leaks import Leaks
from tests.rehearsal.metrics import Metrics
from tests.rehearsal.move_tasks import move_task_handlers
from tests.rehearsal.organization import EXECUTION_ROLE, Organization, Zone
from tests.rehearsal.pollers import Pollers
from tests.rehearsal.principals import Operator, account_of
from tests.rehearsal.proxy import Proxy
from tests.rehearsal.queues import Queues
from tests.rehearsal.resources import RESOURCE_TYPES
from tests.rehearsal.schedules import Schedules
from tests.rehearsal.signals import Signals
from tests.rehearsal.stack_sets import Instance, Operation, StackSets, Target, timestamp
from tests.rehearsal.stacks import Stack, Stacks
from tests.rehearsal.synthesis import Variant, synthesized
from tests.rehearsal.topics import Topics
from tests.rehearsal.vpcs import Vpcs

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from tests.rehearsal.templates import Json

MINUTE = 60
MOST_STEPS = 10_000
# In the order in which an empty landing zone gets them.
STACKS = ("AlertLogic-Security", "AlertLogic-LogArchive", "AlertLogic-Audit", "AlertLogic-Master")


class Rehearsal(Inspection):
    """A landing zone with the sample's stacks in it. Use it as a context manager.

    Args:
        alert_logic_url: Any Alert Logic API; the built-in fake, which is `alert_logic`, if None.
    """

    def __init__(self, *, alert_logic_url: str | None = None) -> None:
        self.zone = Zone.of_settings()
        self.clock = VirtualClock()
        self.alert_logic = FakeAlertLogic(customer_id=self.zone.customer_id, clock=lambda: self.clock.now)
        self._alert_logic_url = alert_logic_url
        self._folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
        self.organization = Organization(self.zone, self.clock)
        self.authority = Authority(
            the_judge(), self.zone.organization_id, self.organization.is_member, lambda: self.clock.now
        )
        directory = CloudDirectory(self.organization)
        self.gateway = Gateway(self.authority, directory)
        self.proxy = Proxy(self._folder, admits=is_response_host, receive=self._receive_answer)
        self.functions = Functions(self.gateway, self.authority, self.clock, self._folder)
        self.invocations = Invocations(self.functions, self.clock)
        self.custom_resources = CustomResources(self.gateway, self.clock, self.functions, self.invocations)
        self.stacks = Stacks(self.gateway, self.clock, self.custom_resources)
        self.stack_sets = StackSets(self.stacks, self.authority, self.clock, self.organization.is_suspended)
        self.queues = Queues(self.authority)
        self.topics = Topics(self.queues, self.clock)
        self.event_bridge = EventBridge(self.queues, self.invocations, self.authority, self.clock)
        self.schedules = Schedules(self.event_bridge, self.clock)
        self.signals = Signals(self.organization, self.zone, self.clock)
        self.stacks.on_end = self._tell_of_stack
        self.metrics = Metrics(self.functions)
        self.guardduty = GuardDuty(self.event_bridge, self.clock, administrator=self.zone.guardduty_administrator)
        self.pollers = Pollers(self.gateway, self.queues, self.clock, self.functions)
        self.vpcs = Vpcs(self.event_bridge, self.clock)
        self.central_logs = CentralLogs(self.zone, self.gateway, self.authority, self.topics, self.clock)
        self.control_tower = ControlTower(self.zone, bucket=self.central_logs.bucket, topic=self.central_logs.topic_arn)
        directory.stacks, directory.stack_sets = self.stacks, self.stack_sets
        directory.central_logs = self.central_logs
        self.forger = Forger(self)
        self.leaks = Leaks(self, self._folder)
        self.functions.before_removal = self.leaks.forget
        api = CloudFormationApi(self.stacks, self.stack_sets)
        policies = FunctionPolicies(self.functions, self.authority)
        for part in (api, self.functions, policies, BucketPolicies(self.authority), self.pollers):
            self.stacks.types |= part.resource_types()
        self.gateway.handle("cloudformation", api.handlers())
        self.gateway.handle("sns", self.topics.handlers())
        self.gateway.handle("events", self.event_bridge.handlers())
        self.gateway.handle("account", self.organization.account_handlers())
        for service, handlers in self.control_tower.handlers().items():
            self.gateway.handle(service, handlers)
        self.gateway.handle("guardduty", self.guardduty.handlers())
        self.gateway.handle("ec2", self.vpcs.handlers())
        self.gateway.handle("cloudwatch", self.metrics.handlers())
        self.gateway.handle("sqs", move_task_handlers())
        self.gateway.handle("sts", sts_handlers(self.gateway, lambda seconds: timestamp(self.clock.now + seconds)))

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self.clock.start()
        self.gateway.start()
        self.proxy.start()
        self.alert_logic.start()
        self.functions.overrides["ALERTLOGIC_GLOBAL_ENDPOINT"] = self._alert_logic_url or self.alert_logic.url
        self.functions.access |= {
            "AWS_ENDPOINT_URL": self.gateway.url,
            "HTTPS_PROXY": self.proxy.url,
            "REQUESTS_CA_BUNDLE": str(self.proxy.authority.certificate_file),
            "NO_PROXY": "127.0.0.1",
        }
        self.organization.found(self.gateway)
        self.central_logs.found()

    def __exit__(self, *_: object) -> None:
        try:
            self.leaks.look()
        finally:
            self.functions.close()
            self.alert_logic.stop()
            self.proxy.stop()
            self.gateway.stop()
            self.clock.stop()
            moto_state.reset()
            shutil.rmtree(self._folder)

    # What people and AWS do

    def deploy(self, *names: str, variant: Variant = "manual") -> list[Stack]:
        """Deploy synthesized stacks, in this order; all if none is named. One that is there is brought up to date.

        Raises:
            AssertionError: a stack does not complete.
        """
        assembly = synthesized(variant)
        deployed: list[Stack] = []
        for name in names or STACKS:
            self.functions.assets |= assembly.assets(name)
            account, region = assembly.environment(name)
            body = assembly.template(name)
            stack = self.stacks.find(account, region, name)
            if stack is None:
                stack = self.stacks.create(
                    name, account=account, region=region, body=body, parameters={}, caller=Operator(account)
                )
            else:
                self.stacks.update(stack, body, {})
            self.settle()
            if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                raise AssertionError(f"{name}: {stack.status}: {stack.reason}")
            deployed.append(stack)
        return deployed

    def destroy(self, name: str) -> None:
        """Delete a synthesized stack.

        Raises:
            AssertionError: it cannot be deleted.
        """
        stack = self.stack(name)
        self.stacks.delete(stack)
        # The StackSet is emptied first, for which CloudFormation waits for an hour at most.
        self.settle(within_minutes=60)
        if stack.status != "DELETE_COMPLETE":
            raise AssertionError(f"{name}: {stack.status}: {stack.reason}")

    def destroy_all(self) -> None:
        """Delete all stacks of the sample that are there, in the order in which CDK does it.

        Raises:
            AssertionError: one of them cannot be deleted.
        """
        present = [
            stack.name
            for stack in self.stacks.all
            if not stack.name.startswith("StackSet-") and stack.status != "DELETE_COMPLETE"
        ]
        for name in reversed(present):
            self.destroy(name)

    def put_secret_value(self, text: str | None = None) -> None:
        """Fill the secret, as the operator of its account; with the fake's key if None."""
        self.client("secretsmanager", account_of(self.secret)).put_secret_value(
            SecretId=self.secret, SecretString=text or self.alert_logic.secret_string()
        )

    def client(self, service: str, account: str) -> Any:
        """A boto3 client of an account's operator, in the home region. Its calls are not judged."""
        return self.gateway.client(service, Operator(account), self.zone.home_region)

    def create_account(self, name: str, unit: str, *, account: str | None = None) -> str:
        """An account that Control Tower manages, with a VPC to protect, without any event about the account."""
        account = self.organization.create_account(name, unit=unit, account=account)
        key, value = next(iter(self.zone.vpc_tags.items()))
        self.vpcs.create(account, self.zone.home_region, **{key: value})
        return account

    def vend_account(self, name: str, unit: str, *, account: str | None = None) -> str:
        """Account Factory makes an account and Control Tower says so. Nothing has reacted yet: `settle`."""
        account = self.create_account(name, unit, account=account)
        self.control_tower_event(self.lifecycle_event("CreateManagedAccount", account, unit))
        return account

    def update_managed_account(self, account: str, unit: str) -> None:
        """Control Tower enrolls or re-registers an account that it knows."""
        self.control_tower_event(self.lifecycle_event("UpdateManagedAccount", account, unit))

    def lifecycle_event(
        self,
        name: str,
        account: str,
        unit: str,
        *,
        state: str = "SUCCEEDED",
        message: str = "AWS Control Tower did it.",
    ) -> Json:
        return self.organization.lifecycle_event(name, account, unit=unit, state=state, message=message)

    def control_tower_event(self, event: Json) -> int:
        """Put an event on the management account's default bus; return how many queues took it."""
        return self.event_bridge.emit(event)

    @contextlib.contextmanager
    def delivering_twice(self) -> Generator[None]:
        """Every message that reaches a queue is in it twice, as SQS allows itself."""
        self.queues.copies = 2
        try:
            yield
        finally:
            self.queues.copies = 1

    def close_account(self, account: str, *, tell: bool = False) -> None:
        """The operator of the management account closes an account, which is suspended then."""
        self.client("organizations", self.zone.management).close_account(AccountId=account)
        if tell:
            self.organizations_event("CloseAccount", account)
            self.organizations_event("CloseAccountResult", account, state="SUCCEEDED")

    def move_account(self, account: str, unit: str, *, tell: bool = True) -> None:
        """Somebody moves an account into another unit."""
        source, destination = self.organization.move(account, unit)
        if tell:
            self.organizations_event("MoveAccount", account, sourceParentId=source, destinationParentId=destination)

    def remove_account(self, account: str, *, tell: bool = True) -> None:
        """Somebody removes an account from the organization; it keeps what is in it."""
        self.organization.remove(account)
        if tell:
            self.organizations_event("RemoveAccountFromOrganization", account)

    def organizations_event(self, name: str, account: str, **details: str) -> int:
        """AWS Organizations tells of an account; for `details` see `Signals.of_organizations`."""
        return self.event_bridge.emit(self.signals.of_organizations(name, account, **details))

    def baseline_event(self, name: str, target: str) -> int:
        """Control Tower tells of a baseline of an account, or of a unit that is given by its path."""
        return self.event_bridge.emit(self.signals.of_baseline(name, target))

    def drift_event(self, account: str, *, kind: str = "ACCOUNT_MOVED_BETWEEN_OUS") -> int:
        """Control Tower tells that an account drifted."""
        return self.event_bridge.emit(self.signals.of_drift(account, kind=kind))

    def unit_event(self, name: str, unit: str) -> int:
        """Control Tower tells of a unit that is given by its path: `RegisterOrganizationalUnit` or `Deregister...`."""
        return self.event_bridge.emit(self.signals.of_unit(name, unit))

    def landing_zone_event(self, name: str = "UpdateLandingZone") -> int:
        """Control Tower tells that the landing zone was set up or updated."""
        return self.event_bridge.emit(self.signals.of_landing_zone(name))

    def sweep(self, *, within_minutes: float = 60) -> None:
        """The schedule of the sweep ticks, and all that comes of it happens.

        Args:
            within_minutes: As for `settle`.
        """
        self.schedules.tick(self._queue_arn(self.queue_url("account_enrollment")))
        self.settle(within_minutes=within_minutes)

    def status(self) -> Json | None:
        """Have the hub write the status, and read it as the operator of the security account."""
        self.schedules.tick(self._queue_arn(self.queue_url("account_registration")))
        self.settle()
        s3 = self.client("s3", self.zone.security)
        if "Contents" not in s3.list_objects_v2(Bucket=self.status_bucket):
            return None
        content = s3.get_object(Bucket=self.status_bucket, Key="status.json")["Body"].read()
        status: Json = json.loads(content)
        return status

    def _tell_of_stack(self, stack: Stack) -> None:
        self.event_bridge.emit(self.signals.of_stack(stack.id, stack.status))

    def delete_instances(self, account: str) -> None:
        """The operator of the management account takes an account's stack instances away."""
        self.client("cloudformation", self.zone.management).delete_stack_instances(
            StackSetName=self.stack_set.name,
            Accounts=[account],
            Regions=[instance.region for instance in self.stack_instances(account)],
            RetainStacks=False,
        )

    def lose_instances(self, account: str) -> None:
        """CloudFormation cannot work on an account's stacks any more, and somebody removes the roles there by hand."""
        for instance in self.stack_instances(account):
            instance.status, instance.detailed = "INOPERABLE", "INOPERABLE"
            if instance.stack is not None:
                instance.stack.status = "DELETE_FAILED"
                roles = [made for made in instance.stack.made.values() if made.type == "AWS::IAM::Role"]
                for role in roles:
                    RESOURCE_TYPES[role.type].remove(role, lambda service: self.client(service, account))
                    del instance.stack.made[role.logical_id]

    def set_execution_role(self, account: str, *, trusts: str) -> None:
        """Let Control Tower's role in an account trust another account than the management account, or it again."""
        trust: Json = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{trusts}:root"}}
            ],
        }
        self.client("iam", account).update_assume_role_policy(RoleName=EXECUTION_ROLE, PolicyDocument=json.dumps(trust))

    def seed_instances(self, number: int) -> None:
        """Instances, and operations that made them, of accounts that have long been there."""
        for index in range(number):
            target = (f"{100000000000 + index:012d}", self.zone.home_region)
            operation = _past_operation(f"seed-{index}", "CREATE", target)
            self.stack_set.operations.append(operation)
            self.stack_set.instances[target] = Instance(
                *target, parameters={}, status="CURRENT", detailed="SUCCEEDED", last_operation=operation.id
            )

    def remove_seeds(self) -> None:
        """Forget the instances of `seed_instances`, of whose accounts the organization does not know."""
        for target in [target for target in self.stack_set.instances if not self.organization.is_member(target[0])]:
            del self.stack_set.instances[target]

    def seed_long_operation(self, account: str) -> Operation:
        """The oldest operation of all still runs, and is yet to get to an account. `hasten` lets it go on."""
        target = (account, self.zone.home_region)
        operation = _past_operation("seed-long", "UPDATE", target)
        operation.status, operation.starts, operation.ends = "RUNNING", math.inf, None
        self.stack_set.operations.insert(0, operation)
        instance = self.stack_set.instances[target]
        instance.status, instance.detailed, instance.last_operation = "OUTDATED", "PENDING", operation.id
        return operation

    def hasten(self, operation: Operation) -> None:
        """Let an operation that runs get to its targets now."""
        operation.starts = self.clock.now

    def send_message(self, label: str, body: str) -> None:
        """Somebody who may do so puts a message into a function's queue."""
        url = self.queue_url(label)
        self.client("sqs", url.split("/")[3]).send_message(QueueUrl=url, MessageBody=body)

    def replay(self, label: str) -> None:
        """The operator has the messages of a dead-letter queue go back to the function's queue."""
        source, destination = self._dead_letter_queue(label), self._queue_arn(self.queue_url(label))
        sqs = self.client("sqs", account_of(source))
        sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)

    def clear_dead_letters(self, label: str) -> None:
        self.leaks.look()
        self.queues.drain(self._dead_letter_queue(label))

    # Time

    def settle(self, *, within_minutes: float = 0, concurrency: int = 1, batch_size: int | None = None) -> None:
        """Let everything happen that waits for nothing but its turn.

        Args:
            within_minutes: Also move the clock to what waits for time, up to this far; it stays where the last of
                it happened.
            concurrency: Batches of each function that run at the same time.
            batch_size: Messages per batch; the event source mapping's own number if None.
        """
        end = self.clock.now + within_minutes * MINUTE
        for _ in range(MOST_STEPS):
            moved = [
                self.pollers.poll(concurrency=concurrency, batch_size=batch_size),
                self.schedules.step(),
                self.event_bridge.step(),
                self.invocations.step(),
                self.stack_sets.step(),
                self.stacks.step(),
            ]
            if any(moved):
                continue
            coming = [moment for moment in self._due() if self.clock.now < moment <= end]
            if not coming:
                return
            self.clock.move_to(min(coming))
        raise AssertionError("the landing zone does not come to rest")

    def advance(self, *, minutes: float) -> None:
        """Let so much time pass, with everything that happens in it."""
        end = self.clock.now + minutes * MINUTE
        self.settle(within_minutes=minutes)
        self.clock.move_to(end)
        self.settle()

    def _due(self) -> list[float]:
        parts = (self.pollers, self.schedules, self.event_bridge, self.invocations, self.stack_sets, self.stacks)
        return [moment for part in parts for moment in part.due()]

    def _receive_answer(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """S3's part in a custom resource's answer: the signature covers an empty content type."""
        content_type = headers.get("Content-Type", "")
        if content_type:
            return 403
        return 200 if self.custom_resources.answer(url, body) else 403


def _past_operation(identity: str, action: str, target: Target) -> Operation:
    return Operation(
        identity, action, [target], {}, retain=False, preferences={}, created=0, status="SUCCEEDED", ends=1
    )

"""Somebody in a member account speaks for another account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.rehearsal.story import Story
    from tests.rehearsal.templates import Json

DEV = "Workloads/Dev"
NO_TOPIC = frozenset({("sns:Publish", ":alertlogic-registration")})
EVIL_URL = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.example.com/answer"


def forgeries(story: Story) -> None:
    rehearsal = story.rehearsal
    attacker, victim = (rehearsal.vend_account(name, DEV) for name in ("attacker", "victim"))
    with story.step("Two accounts, one of which will turn on the other"):
        rehearsal.settle(within_minutes=10)
        story.registered(attacker, victim)
    _through_the_topic(story, attacker, victim)
    _past_the_topic(story, attacker, victim)


def _through_the_topic(story: Story, attacker: str, victim: str) -> None:
    rehearsal = story.rehearsal
    developer = rehearsal.forger.create_role(attacker, "Developer")
    stack_id = rehearsal.home_stack(attacker).id
    for request_type in ("Create", "Delete"):
        with story.step(
            f"A developer in the attacker's account publishes a forged {request_type}",
            denials=NO_TOPIC,
        ):
            forged = rehearsal.forger.request(request_type, stack_id=stack_id, account=victim)
            try:
                rehearsal.forger.publish(developer, forged)
            except ClientError as error:
                story.tell(str(error), attacker)
            rehearsal.settle(within_minutes=10)
            story.registered(victim)
    with story.step("The developer deploys a stack that registers the victim", denials=NO_TOPIC):
        stack = rehearsal.forger.create_stack(developer, "forged", registers=victim)
        rehearsal.settle(within_minutes=10)
        story.equal("the stack is rolled back", stack.status, "ROLLBACK_COMPLETE")
        story.registered(victim)
    with story.step(
        "The same stack, deployed with Control Tower's role, which the topic admits",
        dead_letters={"account_registration": 1},
    ):
        stack = rehearsal.forger.create_stack(rehearsal.execution_role(attacker), "forged-again", registers=victim)
        rehearsal.settle(within_minutes=10)
        story.tell(stack.reason, attacker)
        story.equal("the stack is rolled back", stack.status, "ROLLBACK_COMPLETE")
        story.registered(victim)


def _past_the_topic(story: Story, attacker: str, victim: str) -> None:
    rehearsal = story.rehearsal
    of_attacker, of_victim = (rehearsal.home_stack(account).id for account in (attacker, victim))
    # What is forged, what its maker hears, and whether it is set aside for somebody to look at.
    forgeries: dict[str, tuple[Json, list[str], bool]] = {
        "a Create for the victim, from the attacker's stack": (
            rehearsal.forger.request("Create", stack_id=of_attacker, account=victim),
            ["FAILED"],
            True,
        ),
        "a Create for the victim, from a stack of the victim that asks for nothing": (
            rehearsal.forger.request("Create", stack_id=of_victim, account=victim),
            [],
            False,
        ),
        "a Delete of the victim, from the attacker's stack": (
            rehearsal.forger.request("Delete", stack_id=of_attacker, account=victim),
            ["nothing to do"],
            False,
        ),
        "a Delete of the victim, from a stack of the victim that is not being deleted": (
            rehearsal.forger.request("Delete", stack_id=of_victim, account=victim),
            [],
            False,
        ),
        "a Create whose answer goes to a stranger": (
            rehearsal.forger.request("Create", stack_id=of_attacker, account=attacker, ResponseURL=EVIL_URL),
            [],
            True,
        ),
    }
    for what, (forged, expected, is_set_aside) in forgeries.items():
        with story.step(f"Past the topic's policy: {what}", dead_letters={"account_registration": int(is_set_aside)}):
            answers_before = len(rehearsal.custom_resources.other_answers)
            lines_before = len(rehearsal.log_lines("account_registration"))
            rehearsal.forger.inject(forged)
            rehearsal.settle(within_minutes=10)
            story.registered(attacker, victim)
            answers = rehearsal.custom_resources.other_answers[answers_before:]
            answered = [answer["Data"]["Status"] if "Data" in answer else answer["Status"] for answer in answers]
            story.equal("the forger hears", answered, expected)
            logged = [line.get("message") for line in rehearsal.log_lines("account_registration")[lines_before:]]
            is_stale = not expected and not is_set_aside
            story.equal("the log says whether nobody waits for it", "stale" in logged, is_stale)

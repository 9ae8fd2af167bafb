"""From what is there to what is wanted, with hand-written fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError

from aws.queue import NotYet
from aws.reader import RoleNotAssumableError
from tests.lambda_src.trail_subscription.fakes import TOKEN, Clock, FakeNotices, FakeTopic, Held
from tests.lambda_src.trail_subscription.requests_and_notices import (
    OTHER_TOPIC,
    QUEUE,
    SUBSCRIPTION,
    confirmation,
    notice,
)
from tests.lambda_src.trail_subscription.test_subscription import FILTERED, wanted
from trail_subscription.convergence import GivenUpError, Patience, Subscribing

if TYPE_CHECKING:
    from trail_subscription.convergence import Notices
    from trail_subscription.subscription import Wanted


def error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Subscribe")  # type: ignore[typeddict-item]


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.notices = FakeNotices(self.clock)
        self.topic = FakeTopic(self.notices.bodies.append)
        self.closed = 0

    def subscribe(self, wanted: Wanted) -> str:
        return self.patience.until_done(self.subscribing(wanted).step)

    def subscribing(self, wanted: Wanted) -> Subscribing:
        return Subscribing(wanted, self.topic, self.open, self.patience)

    def open(self, _: Wanted) -> Notices:
        if self.closed:
            self.closed -= 1
            raise RoleNotAssumableError("the role reader in account 333333333333 cannot be assumed")
        return self.notices

    @property
    def patience(self) -> Patience:
        return Patience(lambda: self.clock.left, self.clock.sleep)


@pytest.fixture
def world() -> World:
    return World()


class TestNothingIsThere:
    def test_subscribes_confirms_and_deletes_the_confirmation(self, world: World) -> None:
        arn = world.subscribe(wanted())

        assert world.topic.held == {arn: Held(QUEUE, FILTERED, is_confirmed=True)}
        assert world.topic.calls == ["find", "subscribe", "confirm", "read"]
        assert world.notices.bodies == []

    def test_leaves_every_other_message(self, world: World) -> None:
        others = [notice(1), "no JSON", confirmation("other", topic=OTHER_TOPIC), notice(2)]
        world.notices.bodies += others

        world.subscribe(wanted())

        assert sorted(world.notices.bodies) == sorted(others)
        assert world.topic.calls.count("confirm") == 1

    def test_tries_the_next_confirmation_if_one_is_too_old_and_leaves_that_alone(self, world: World) -> None:
        world.notices.bodies.append(confirmation("too old"))

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]
        assert world.notices.bodies == [confirmation("too old")]

    def test_hides_messages_for_the_whole_time_but_looks_at_them_for_half_of_it_only(self, world: World) -> None:
        world.notices.bodies += [notice(number) for number in range(1000)]

        with pytest.raises(NotYet, match="none of the 120 messages"):
            world.subscribing(wanted()).step()

        assert world.notices.hidden_seconds == [240]
        assert len(world.notices.bodies) == 1001


class TestSomethingIsThere:
    def test_keeps_what_is_as_it_should_be(self, world: World) -> None:
        first = world.subscribe(wanted())
        world.topic.calls.clear()

        assert world.subscribe(wanted()) == first
        assert world.topic.calls == ["find"]

    def test_replaces_one_with_another_filter(self, world: World) -> None:
        first = world.subscribe(wanted())
        world.topic.calls.clear()

        second = world.subscribe(wanted(FilterPolicy=""))

        assert second != first
        assert world.topic.held == {second: Held(QUEUE, {}, is_confirmed=True)}
        assert world.topic.calls == ["find", "unsubscribe", "subscribe", "confirm", "read"]

    def test_ends_none_that_it_could_not_confirm_anew(self, world: World) -> None:
        arn = world.subscribe(wanted())
        world.closed = 1

        with pytest.raises(RoleNotAssumableError):
            world.subscribing(wanted(FilterPolicy="")).step()

        assert world.topic.confirmed() == [arn]

    def test_leaves_the_subscription_of_another_queue(self, world: World) -> None:
        first = world.subscribe(wanted())

        second = world.subscribe(wanted(QueueArn=f"{QUEUE}-2"))

        assert world.topic.confirmed() == [first, second]

    def test_confirms_and_replaces_one_with_another_filter_that_waits_for_its_confirmation(self, world: World) -> None:
        world.topic.subscribe(wanted(FilterPolicy=""))

        arn = world.subscribe(wanted())

        assert world.topic.held == {arn: Held(QUEUE, FILTERED, is_confirmed=True)}

    def test_is_content_with_what_a_duplicate_of_the_request_has_confirmed(self, world: World) -> None:
        subscribing = world.subscribing(wanted())
        deliver, world.topic.deliver = world.topic.deliver, lambda _: None
        world.closed = 1
        with pytest.raises(RoleNotAssumableError):
            subscribing.step()
        world.topic.deliver = deliver
        duplicate = world.subscribe(wanted())

        assert subscribing.step() == duplicate
        assert subscribing.arn == duplicate


class TestWaiting:
    def test_for_the_role(self, world: World) -> None:
        world.closed = 3

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]
        assert world.topic.calls.count("subscribe") == 1

    def test_asks_again_after_a_minute_if_the_confirmation_was_taken_by_another_reader(self, world: World) -> None:
        deliver = world.topic.deliver
        asked_at: list[float] = []

        def deliver_the_second(body: str) -> None:
            asked_at.append(world.clock.left)
            if len(asked_at) == 2:
                deliver(body)

        world.topic.deliver = deliver_the_second

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]
        assert asked_at == [240, 180]

    @pytest.mark.parametrize(
        "passing",
        [
            error("Throttled", 429),
            error("InternalError", 500),
            error("AuthorizationError", 403),
            error("AccessDenied", 403),
        ],
    )
    def test_while_aws_is_overloaded_or_iam_lags_behind(self, world: World, passing: ClientError) -> None:
        world.topic.errors = [passing, passing]

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]

    def test_while_aws_cannot_be_reached(self, world: World) -> None:
        world.topic.errors = [ConnectTimeoutError(endpoint_url="https://sns.us-east-1.amazonaws.com/")]

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]

    def test_until_sns_shows_what_was_confirmed(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world.topic, "read", lambda _: None)

        arn = world.subscribe(wanted())

        assert world.topic.confirmed() == [arn]
        assert world.clock.left < 240


class TestGivingUp:
    def test_says_that_no_confirmation_came(self, world: World) -> None:
        world.topic.deliver = lambda _: None
        subscribing = world.subscribing(wanted())

        with pytest.raises(GivenUpError, match=r"none of the 0 messages found in .*outcomesbucket-12345678 .*policy"):
            world.patience.until_done(subscribing.step)

        assert 5 <= world.clock.left < 10
        assert world.topic.calls.count("subscribe") == 4
        assert subscribing.arn in world.topic.held

    def test_says_that_the_role_cannot_be_assumed(self, world: World) -> None:
        world.closed = 1000

        with pytest.raises(GivenUpError, match="role reader in account 333333333333"):
            world.subscribe(wanted())

    def test_says_that_sns_does_not_take_the_confirmation(self, world: World) -> None:
        world.topic.deliver = lambda _: None
        world.notices.bodies.append(confirmation(TOKEN))

        with pytest.raises(GivenUpError, match="InvalidParameter") as caught:
            world.subscribe(wanted())
        assert TOKEN not in str(caught.value)
        assert world.notices.bodies == [confirmation(TOKEN)]

    def test_says_what_aws_denies(self, world: World) -> None:
        world.topic.errors = [error("AuthorizationError", 403)] * 1000

        with pytest.raises(GivenUpError, match="AuthorizationError"):
            world.subscribe(wanted())

    def test_at_once_if_waiting_does_not_help(self, world: World) -> None:
        world.topic.errors = [error("NotFound", 404)]

        with pytest.raises(GivenUpError, match="NotFound"):
            world.subscribe(wanted())
        assert world.clock.left == 240

    def test_leaves_what_nobody_foresaw_to_the_handler(self, world: World) -> None:
        world.topic.errors = [NoCredentialsError()]

        with pytest.raises(NoCredentialsError):
            world.subscribe(wanted())

    def test_gives_messages_back_even_if_the_search_fails(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.notices.bodies += [notice(1), notice(2)]

        def fail(_: str) -> str:
            raise error("NotFound", 404)

        monkeypatch.setattr(world.topic, "confirm", fail)

        with pytest.raises(GivenUpError):
            world.subscribe(wanted())
        assert len(world.notices.bodies) == 3


def test_the_arn_is_unknown_while_a_subscription_with_another_filter_waits(world: World) -> None:
    world.topic.held[SUBSCRIPTION] = Held(QUEUE, {})
    subscribing = world.subscribing(wanted())

    with pytest.raises(NotYet, match="none of the 0 messages"):
        subscribing.step()
    assert subscribing.arn is None

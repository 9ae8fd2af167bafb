"""The one door to moto's state, which is untyped."""

from __future__ import annotations

import os
import time
from typing import Any, cast

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.moto_api._internal import mock_random
from moto.s3.models import FakeKey
from moto.sqs.models import SQSBackend


def _is_retained(sqs: Any, queue_name: str, message: Any) -> bool:
    retention = int(sqs.get_queue(queue_name).message_retention_period)
    return bool(time.time() < message.sent_timestamp / 1000 + retention)


# For each message that is received, moto would work out all that can be said of its queue's messages.
cast("Any", SQSBackend).is_message_valid_based_on_retention_period = _is_retained
# moto would make hundreds of machine images in each account and region, which takes it most of its time.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def backend(service: str, account: str, region: str) -> Any:
    """What moto holds of a service in an account and region; the region of IAM and Organizations is `aws`."""
    return cast("Any", get_backend)(service)[account][region]


def backends(service: str) -> list[Any]:
    """What moto holds of a service in all accounts and regions that anybody has used."""
    by_account = cast("Any", get_backend)(service)
    return [by_account[account][region] for account in list(by_account) for region in list(by_account[account])]


def bucket_owner(name: str) -> str:
    """The account of an S3 bucket; none if there is no such bucket."""
    _, account = cast("Any", get_backend)("s3").bucket_accounts.get(name, ("", ""))
    return str(account)


def has_object(bucket: str, key: str) -> bool:
    """Whether there is an S3 object that is not deleted."""
    held = _bucket(bucket)
    return held is not None and isinstance(held.keys.get(key), FakeKey)


def bucket_versions(name: str) -> list[Any]:
    """All versions of all objects of an S3 bucket, each object's oldest first; markers of deletions left out."""
    held = _bucket(name)
    lists = [] if held is None else [held.keys.getlist(key) for key in held.keys]
    return [version for versions in lists for version in versions if isinstance(version, FakeKey)]


def _bucket(name: str) -> Any:
    return backend("s3", bucket_owner(name) or "none", "aws").buckets.get(name)


def table_items(arn: str) -> list[dict[str, Any]]:
    """What is in a DynamoDB table: each item as the API shows it."""
    _, _, _, region, account, name = arn.split(":", 5)
    table = backend("dynamodb", account, region).tables[name.removeprefix("table/")]
    return [item.to_json()["Attributes"] for item in table.all_items()]


def reset() -> None:
    """Forget everything, and start the same sequence of made-up ids."""
    BackendDict.reset()
    cast("Any", get_backend)("organizations").master_accounts.clear()
    mock_random.seed(0)

"""Custom resources: the request that CloudFormation publishes, or invokes a function with, and the awaited answer."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError

from tests.rehearsal import auto_delete
from tests.rehearsal.templates import is_list, is_object

if TYPE_CHECKING:
    from tests.rehearsal.clock import VirtualClock
    from tests.rehearsal.functions import Functions
    from tests.rehearsal.gateway import Gateway
    from tests.rehearsal.invocations import Invocations
    from tests.rehearsal.principals import Operator, Principal
    from tests.rehearsal.templates import Json

# By which the signature of a pre-signed URL is recognized, wherever it shows.
SIGNATURE_PREFIX = "5ec2e75ec2e7"
DEFAULT_TIMEOUT_SECONDS = 3600
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
LONGEST_ANSWER_BYTES = 4096


@dataclass
class CustomRequest:
    """One request to a custom resource's provider and, once it is there, its answer."""

    message: Json
    deadline: float
    answer: Json | None = None
    sent: bool = True

    @property
    def url(self) -> str:
        url: str = self.message["ResponseURL"]
        return url

    def settled(self, now: float) -> bool:
        return self.answer is not None or now >= self.deadline

    @property
    def succeeded(self) -> bool:
        return self.answer is not None and self.answer["Status"] == "SUCCESS"

    @property
    def reason(self) -> str:
        return "no answer in time" if self.answer is None else str(self.answer.get("Reason", ""))


class CustomResources:
    """Sends requests as CloudFormation does, and takes answers at the pre-signed URL."""

    def __init__(self, gateway: Gateway, clock: VirtualClock, functions: Functions, invocations: Invocations) -> None:
        self.requests: list[CustomRequest] = []
        # Answers that nobody waits for any more, or that a forger asked for.
        self.other_answers: list[Json] = []
        # What a forger made up, by the pre-signed URL that it got from CloudFormation for a stack of its own.
        self.forged: dict[str, Json] = {}
        # Answers that CloudFormation cannot use.
        self.faults: list[str] = []
        self._gateway = gateway
        self._clock = clock
        self._functions = functions
        self._invocations = invocations

    def send(self, caller: Principal | Operator, message: Json) -> CustomRequest:
        """Send a request to its topic or function; a provider that cannot be reached fails it at once."""
        properties = message["ResourceProperties"]
        region = message["StackId"].split(":")[3]
        complete = message | {
            "RequestId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message['StackId']}/{len(self.requests)}")),
            "ResponseURL": response_url(message["StackId"], message["LogicalResourceId"], len(self.requests)),
        }
        timeout = int(properties.get("ServiceTimeout", DEFAULT_TIMEOUT_SECONDS))
        request = CustomRequest(complete, deadline=self._clock.now + timeout)
        self.requests.append(request)
        if properties["ServiceToken"].split(":")[2] == "lambda":
            self._invoke(caller, properties["ServiceToken"], request)
        else:
            self._publish(caller, properties["ServiceToken"], region, request)
        return request

    def _invoke(self, caller: Principal | Operator, function_arn: str, request: CustomRequest) -> None:
        if not self._functions.may_invoke(caller, function_arn):
            request.sent = False
            request.answer = {"Status": "FAILED", "Reason": f"failed to invoke {function_arn}"}
        elif function_arn in self._functions.others:
            session = self._functions.session_of_other(function_arn)
            request.answer = auto_delete.answer_to(request.message, self._gateway, session)
        else:
            self._invocations.add(function_arn, request.message)

    def _publish(self, caller: Principal | Operator, topic_arn: str, region: str, request: CustomRequest) -> None:
        try:
            self._gateway.client("sns", caller, region).publish(
                TopicArn=topic_arn,
                Subject="AWS CloudFormation custom resource request",
                Message=json.dumps(request.message),
            )
        except ClientError as error:
            request.sent = False
            request.answer = {"Status": "FAILED", "Reason": f"failed to send the SNS message: {error}"}

    def answer(self, url: str, body: bytes) -> bool:
        """Take an answer that was PUT to a pre-signed URL, and tell whether there is such a URL; the first one counts.

        One that is not as CloudFormation wants it is a fault, and ignored: the stack waits on.
        """
        request = next((request for request in self.requests if request.url == url), None)
        asked = self.forged.get(url) if request is None else request.message
        if asked is None:
            return False
        wrong = _faults(asked, body)
        if wrong:
            self.faults.append(f"answer to {asked['LogicalResourceId']} of {asked['StackId']}: {'; '.join(wrong)}")
        elif request is None or request.settled(self._clock.now):
            self.other_answers.append(json.loads(body))
        else:
            request.answer = json.loads(body)
        return True


def _faults(asked: Json, body: bytes) -> list[str]:
    """What is wrong with an answer."""
    if len(body) > LONGEST_ANSWER_BYTES:
        return [f"{len(body)} bytes"]
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return ["no JSON"]
    if not is_object(answer):
        return ["no object"]
    wrong = [
        f"{key} is {answer.get(key)!r}"
        for key in ("StackId", "RequestId", "LogicalResourceId")
        if answer.get(key) != asked[key]
    ]
    status = answer.get("Status")
    if status not in {"SUCCESS", "FAILED"}:
        wrong.append(f"Status is {status!r}")
    required = ("PhysicalResourceId", "Reason") if status == "FAILED" else ("PhysicalResourceId",)
    return wrong + [f"no {key}" for key in required if not (isinstance(answer.get(key), str) and answer[key])]


def response_url(stack_id: str, logical_id: str, number: int) -> str:
    """A pre-signed URL of the shape that CloudFormation hands out, one per request."""
    region = stack_id.split(":")[3]
    bucket = f"cloudformation-custom-resource-response-{region.replace('-', '')}"
    host = f"{bucket}.s3.amazonaws.com" if region == "us-east-1" else f"{bucket}.s3-{region}.amazonaws.com"
    nonce = uuid.uuid5(uuid.NAMESPACE_URL, f"{stack_id}/{logical_id}/{number}")
    key = quote(f"{stack_id}|{logical_id}|{nonce}", safe="/")
    signature = f"{SIGNATURE_PREFIX}{nonce.hex * 2}"[:64]
    return (
        f"https://{host}/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260115T120000Z"
        f"&X-Amz-SignedHeaders=host&X-Amz-Expires=7200"
        f"&X-Amz-Credential=AKIAREHEARSAL%2F20260115%2F{region}%2Fs3%2Faws4_request&X-Amz-Signature={signature}"
    )


def is_response_host(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.startswith("cloudformation-custom-resource-response-") and host.endswith(".amazonaws.com")


def as_cloudformation_sends(value: Any) -> Any:
    """Resource properties as a provider sees them: every scalar is text."""
    if is_object(value):
        return {key: as_cloudformation_sends(item) for key, item in value.items()}
    if is_list(value):
        return [as_cloudformation_sends(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)

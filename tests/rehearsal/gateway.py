"""The AWS endpoint on loopback: judges a call, then answers it itself or hands it to moto."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.rehearsal.calls import ApiCall, Directory, UnknownCallError, demands_of
from tests.rehearsal.direct import sender
from tests.rehearsal.event_text import event_text
from tests.rehearsal.meeting import Meeting
from tests.rehearsal.principals import Operator, Principal, RoleSession

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tests.rehearsal.authority import Authority, Context

# Where IAM is, whoever calls from wherever.
IAM_REGION = "us-east-1"
Handler = Callable[[ApiCall], dict[str, Any]]
Serve = Callable[[], dict[str, Any]]
Around = Callable[[Serve], dict[str, Any]]
# By which the credentials of a session are recognized, wherever they show.
SECRET_PREFIX = "secret-of-"
SESSION_TOKEN_PREFIX = "token-of-ASIA"
# How often the server looks whether it is to stop.
POLL_SECONDS = 0.05
# How a service says that IAM does not allow a call; all others say AccessDeniedException.
_DENIAL_CODES = {
    "cloudformation": "AccessDenied",
    "ec2": "UnauthorizedOperation",
    "iam": "AccessDenied",
    "s3": "AccessDenied",
    "sns": "AuthorizationError",
    "sts": "AccessDenied",
}
# By the method, and whether it is about an object.
_S3_OPERATIONS = {
    ("GET", True): "GetObject",
    ("PUT", True): "PutObject",
    ("DELETE", True): "DeleteObject",
    ("GET", False): "ListObjectsV2",
    ("PUT", False): "CreateBucket",
    ("DELETE", False): "DeleteBucket",
}
# By the method, and what of the bucket it is about.
_S3_BUCKET_OPERATIONS = {
    ("GET", "location"): "GetBucketLocation",
    ("GET", "tagging"): "GetBucketTagging",
    ("PUT", "tagging"): "PutBucketTagging",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("GET", "versions"): "ListObjectVersions",
}
# A service that signs with another name than its own.
_SIGNERS = {"monitoring": "cloudwatch"}
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


# AWS answers these for every service, though only some services' models know them; moto warns of what it finds in none.
COMMON_ERROR_CODES.extend(
    ["AccessDenied", "AccessDeniedException", "UnknownOperationException", "Throttling", "RehearsalFault"]
)


class RawJson(dict[str, Any]):
    """A REST service's answer that is sent as it is, with what botocore's model of the service does not know."""


class AwsError(ServiceException):
    """An error as the service would answer it: a code and a message."""


class Gateway:
    """Serves all of AWS on one port. Who calls is told by the access key, where by the signature's scope."""

    def __init__(self, authority: Authority, directory: Directory) -> None:
        self.faults: list[str] = []
        # Says with which error a call that is allowed fails all the same, if it does.
        self.fault: Callable[[ApiCall], AwsError | None] | None = None
        self._authority = authority
        self._directory = directory
        self._handlers: dict[str, Handler] = {}
        self._around: dict[str, Around] = {}
        self._moto: dict[str, Any] = {}
        self._callers: dict[str, Principal | Operator] = {}
        self._lock = threading.RLock()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="aws", daemon=True
        )
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._session = boto3.session.Session()
        # Its clients are in this process, as the endpoint is.
        cast("Any", self._session.events).register("before-send", sender(self._serve))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, service: str, handlers: dict[str, Handler]) -> None:
        """Answer these operations of a service here instead of in moto."""
        self._handlers |= {f"{service}:{operation}": handler for operation, handler in handlers.items()}

    @contextlib.contextmanager
    def around(self, operation: str, act: Around) -> Generator[None]:
        """Have the calls of an operation that is answered here pass through `act`, which may wait before and after.

        Args:
            operation: Such as `sts:AssumeRole`.
            act: Gets a function that serves the call, and returns what that answers.
        """
        if operation not in self._handlers:
            raise ValueError(f"{operation} is moto's to answer")
        self._around[operation] = act
        try:
            yield
        finally:
            del self._around[operation]

    @contextlib.contextmanager
    def meeting(self, operation: str, *, callers: int) -> Generator[None]:
        """Hold the first calls of an operation, such as `sts:AssumeRole`, until so many have arrived.

        Raises:
            AssertionError: fewer had arrived by the end of the block.
        """
        meeting = Meeting(callers)

        def join_and_serve(serve: Serve) -> dict[str, Any]:
            meeting.join()
            return serve()

        with meeting, self.around(operation, join_and_serve):
            yield

    def credentials(self, caller: Principal | Operator) -> dict[str, str]:
        """Credentials by which the gateway knows the caller again."""
        with self._lock:
            known = [key for key, other in self._callers.items() if other == caller]
            key = known[0] if known else f"ASIA{len(self._callers) + 1:016d}"
            self._callers[key] = caller
        return {"AccessKeyId": key, "SecretAccessKey": f"{SECRET_PREFIX}{key}", "SessionToken": f"token-of-{key}"}

    def client(self, service: str, caller: Principal | Operator, region: str) -> Any:
        """A boto3 client that calls as `caller`."""
        if service == "iam":
            region = IAM_REGION
        credentials = self.credentials(caller)
        key = (service, credentials["AccessKeyId"], region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = cast("Any", self._session).client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    aws_access_key_id=credentials["AccessKeyId"],
                    aws_secret_access_key=credentials["SecretAccessKey"],
                    aws_session_token=credentials["SessionToken"],
                    config=Config(retries={"total_max_attempts": 1}, read_timeout=30, proxies={}),
                )
        return self._clients[key]

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        body = request.get_data()
        try:
            call = self._read(request, body)
        except Exception as error:
            self.faults.append(f"{request.method} {request.path}: {error!r}")
            logging.getLogger(__name__).exception("%s %s", request.method, request.path)
            return Response(status=500)(environ, start_response)
        try:
            self._judge(call)
            self._let_fail(call)
            operation = f"{call.service}:{call.operation}"
            handler = self._handlers.get(operation)
            if handler is None:
                body = _without_wait(call, body)
                environ["CONTENT_LENGTH"] = str(len(body))
                environ["wsgi.input"] = io.BytesIO(body)
                environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
                # moto's backends read and write what they hold without a lock of their own.
                with self._lock:
                    return cast("Iterable[bytes]", self._moto_app(call.service)(environ, start_response))
            answer: dict[str, Any] | AwsError = self._around.get(operation, _at_once)(
                lambda: self._answer(handler, call)
            )
        except AwsError as error:
            answer = error
        except Exception as error:
            self.faults.append(f"{call.service}:{call.operation}: {error!r}")
            logging.getLogger(__name__).exception("%s:%s", call.service, call.operation)
            answer = AwsError("RehearsalFault", repr(error))
        return _render(call, answer)(environ, start_response)

    def _moto_app(self, service: str) -> Any:
        """The application with which moto answers for a service."""
        with self._lock:
            if service not in self._moto:
                self._moto[service] = cast("Any", create_backend_app)(service)
            return self._moto[service]

    def _let_fail(self, call: ApiCall) -> None:
        error = self.fault(call) if self.fault and not isinstance(call.caller, Operator) else None
        if error is not None:
            raise error

    def _answer(self, handler: Handler, call: ApiCall) -> dict[str, Any]:
        with self._lock:
            return handler(call)

    def _read(self, request: Request, body: bytes) -> ApiCall:
        scope = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        if scope is None:
            raise PermissionError(f"an unsigned call reached AWS: {request.method} {request.path}")
        key, region, signer = scope.groups()
        service = _SIGNERS.get(signer, signer)
        caller = self._callers[key]
        target = request.headers.get("X-Amz-Target")
        if target is not None:
            operation, parameters = target.rsplit(".", 1)[1], json.loads(body or b"{}")
        elif service == "s3":
            operation, parameters = _s3_operation(request)
        elif get_service_model(service).resolved_protocol == "rest-json":
            operation, parameters = _rest_operation(service, request, body)
        else:
            operation = request.form["Action"]
            model = get_service_model(service)
            parser: Any = PROTOCOL_PARSERS[str(model.protocol)](model.operation_model(operation))
            parameters = parser.parse({"values": request.form})
        account = getattr(caller, "account", "")
        return ApiCall(service, operation, account, region, parameters, caller)

    def _judge(self, call: ApiCall) -> None:
        if isinstance(call.caller, Operator):
            return
        try:
            demands = demands_of(call, self._directory)
        except UnknownCallError as error:
            self.faults.append(str(error))
            raise AwsError("UnknownOperationException", str(error)) from error
        where: Context = {"aws:RequestedRegion": call.region}
        for demand in demands:
            if not self._authority.allows(call.caller, demand.action, demand.resource, demand.context | where):
                raise AwsError(
                    _DENIAL_CODES.get(call.service, "AccessDeniedException"),
                    f"{call.caller.arn} is not authorized to perform: {demand.action} on {demand.resource}",
                )


def _s3_operation(request: Request) -> tuple[str, dict[str, Any]]:
    """What S3 is asked for, which nothing but the method and the path tells."""
    bucket, _, key = request.path.removeprefix("/").partition("/")
    version = {"VersionId": request.args["versionId"]} if "versionId" in request.args else {}
    if key and len(version) < len(request.args):
        raise NotImplementedError(f"S3: {request.method} of an object's {', '.join(request.args)}")
    named = {_S3_BUCKET_OPERATIONS.get((request.method, name)) for name in request.args} - {None}
    operation = next(iter(named), None) or _S3_OPERATIONS[request.method, bool(key)]
    return operation, {"Bucket": bucket, "Key": key, **version}


def _rest_operation(service: str, request: Request, body: bytes) -> tuple[str, dict[str, Any]]:
    """What a REST service is asked for, which the method and the path tell, and its parameters by the model's names."""
    model: Any = get_service_model(service)
    for operation in map(model.operation_model, model.operation_names):
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"].split("?")[0])
        path = re.fullmatch(pattern, request.path) if operation.http["method"] == request.method else None
        if path is None:
            continue
        given = {**json.loads(body or b"{}"), **request.args, **path.groupdict()}
        names = {
            member.serialization.get("name", name): name
            for name, member in (operation.input_shape.members if operation.input_shape else {}).items()
        }
        return operation.name, {names[name]: value for name, value in given.items()}
    raise NotImplementedError(f"{service}: {request.method} {request.path}")


def _without_wait(call: ApiCall, body: bytes) -> bytes:
    """A call as moto is to get it: while time stands still, it would wait for a message for ever."""
    if (call.service, call.operation) != ("sqs", "ReceiveMessage"):
        return body
    return json.dumps(call.parameters | {"WaitTimeSeconds": 0}).encode()


def _at_once(serve: Serve) -> dict[str, Any]:
    return serve()


def _render(call: ApiCall, answer: dict[str, Any] | AwsError) -> Response:
    if isinstance(answer, RawJson):
        return Response(event_text(answer), content_type="application/json")
    model = get_service_model(call.service)
    # Of several protocols of a service, the one that boto3 speaks.
    serializer: Any = get_serializer_class(call.service, str(model.resolved_protocol))
    rendered = serializer(model.operation_model(call.operation)).serialize(answer)
    return Response(rendered["body"], status=rendered["status_code"], headers=rendered["headers"])


def sts_handlers(gateway: Gateway, expiry: Callable[[float], Any]) -> dict[str, Handler]:
    """AssumeRole hands out credentials; that the caller may have them is judged before."""

    def assume_role(call: ApiCall) -> dict[str, Any]:
        asked = call.parameters
        session = RoleSession(asked["RoleArn"], asked["RoleSessionName"], asked.get("Policy"))
        credentials = gateway.credentials(session)
        return {
            "Credentials": credentials | {"Expiration": expiry(3600)},
            "AssumedRoleUser": {"AssumedRoleId": f"AROAREHEARSAL:{session.session_name}", "Arn": session.arn},
        }

    return {"AssumeRole": assume_role}

"""What one customer has at Alert Logic, and the services that show and change it."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from tests.rehearsal.alertlogic_collection import Collection
from tests.rehearsal.alertlogic_server import Answer, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLICIES = (
    {
        "id": "A8E8B104-8F45-411D-A240-A30EA5FE25B0",
        "name": "Essentials",
        "product_family": "assess",
        "features": [{"type": "scan"}, {"type": "config_assessment"}],
    },
    {
        "id": "D12D5E67-166C-474F-87AA-6F86FC9FB9BC",
        "name": "Professional",
        "product_family": "detect",
        "features": [{"type": "scan"}, {"type": "config_assessment"}, {"type": "ids"}, {"type": "log"}],
    },
    {
        "id": "EC735B49-2517-4D98-BB9D-BEBC1E75D56D",
        "name": "Enterprise",
        "product_family": "respond",
        "features": [{"type": "scan"}, {"type": "config_assessment"}, {"type": "ids"}, {"type": "log"}],
    },
)
SERVICES = ("aims", "azcollect", "collector_status", "credentials", "deployments", "ingest", "policies", "themis")
ROLE_TYPES = ("ci_essentials", "ci_full", "ci_manual", "ci_readonly", "ci_x_account_ct")
ROLE_VERSION = "2022-01-01"
AWS_ACCOUNT_ID = "733251395267"


class Customer(Collection):
    """The state behind the API, and its services by method and path.

    Attributes:
        deployments: All deployments by id, as the API answers them.
        credentials: All credentials by id, as the API answers them.
        policies: The policies to which the customer is entitled.
        role_policies: The latest policy of each role type.
        role_verdicts: Status, word and message with which themis answers about a role, by its ARN; all is well with
            the others.
        aws_account_id: Alert Logic's own AWS account.
        hosts: What the lookup of endpoints answers for a service, in place of the fake's own address.
        user_id: The user of every access key, who is `created.by` of what a client creates.
    """

    def __init__(self, *, customer_id: str, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self.customer_id = customer_id
        self.deployments: dict[str, dict[str, Any]] = {}
        self.credentials: dict[str, dict[str, Any]] = {}
        self.policies: list[dict[str, Any]] = [dict(policy) for policy in POLICIES]
        self.role_policies: dict[str, dict[str, Any]] = {
            role_type: {"Version": "2012-10-17", "Statement": []} for role_type in ROLE_TYPES
        }
        self.role_verdicts: dict[str, tuple[int, str, str]] = {}
        self.aws_account_id = AWS_ACCOUNT_ID
        self.hosts: dict[str, str] = {}
        self.user_id = "715A4EC0-9833-4D6E-9C03-A537E3F98D23"
        self.own_host = ""
        self._lock = threading.RLock()

    def add_credential(self, *, name: str, role_arn: str, created_by: str | None = None) -> str:
        """Put a credential there as if somebody had created it, and return its id."""
        with self._lock:
            secret = {"type": "aws_iam_role", "arn": role_arn}
            return self._store_credential({"name": name, "secrets": secret}, created_by or self.user_id)["id"]

    def add_deployment(self, *, account_id: str, created_by: str | None = None, **fields: Any) -> str:
        """Put a deployment of an AWS account there as if somebody had created it, and return its id."""
        with self._lock:
            document = {"name": account_id, "platform": {"type": "aws", "id": account_id}, **fields}
            return self._store_deployment(document, created_by or self.user_id)["id"]

    def add_to_scope(
        self,
        account_id: str,
        *,
        include: Sequence[dict[str, Any]] = (),
        exclude: Sequence[dict[str, Any]] = (),
        by: str | None = None,
    ) -> None:
        """Add entries to the scope of an AWS account's deployments, as if somebody had done so in the console."""
        with self._lock:
            for stored in self.deployments_of(account_id):
                scope = stored["scope"]
                self.deployments[stored["id"]] = {
                    **stored,
                    "scope": {"include": [*scope["include"], *include], "exclude": [*scope["exclude"], *exclude]},
                    "modified": self._stamp(by or self.user_id),
                    "version": stored["version"] + 1,
                }

    def deployments_of(self, account_id: str) -> list[dict[str, Any]]:
        """Return the deployments of an AWS account."""
        with self._lock:
            return [it for it in self.deployments.values() if it["platform"].get("id") == account_id]

    def _endpoints(self, request: Request, residency: str) -> Answer:
        wanted: list[str] = request.body
        if residency not in {"default", "us", "emea"} or not set(wanted) <= set(SERVICES):
            raise RefusedError(404, {"error": "endpoint_not_found"})
        return Answer(200, {service: self.hosts.get(service, self.own_host) for service in wanted})

    def _account(self, _: Request) -> Answer:
        return Answer(200, self.account_document())

    def account_document(self) -> dict[str, Any]:
        made = {"at": 1430184599, "by": "System"}
        return {
            "id": self.customer_id,
            "name": "Rehearsal",
            "active": True,
            "version": 1,
            "accessible_locations": ["insight-us-virginia"],
            "default_location": "insight-us-virginia",
            "created": made,
            "modified": made,
        }

    def _list_policies(self, _: Request) -> Answer:
        return Answer(200, self.policies)

    def _get_role(self, _: Request, role_type: str) -> Answer:
        if role_type not in ROLE_TYPES:
            raise RefusedError(404, {"message": f"no role {role_type}"})
        return Answer(
            200,
            {
                "type": role_type,
                "platform_type": "aws",
                "policy_document": self.role_policies[role_type],
                "external_id": self.customer_id,
                "aws_account_id": self.aws_account_id,
                "version": ROLE_VERSION,
                "cft": {"s3_bucket": "roles", "s3_key": role_type, "s3_url": f"https://roles.example/{role_type}"},
            },
        )

    def _validate_role(self, request: Request, role_type: str) -> Answer:
        credential = request.body["credential"]
        if role_type != credential["role_type"] or credential["external_id"] != self.customer_id:
            raise RefusedError(400, {"status": "error", "message": "the role is of another type, or somebody else's"})
        right = (200, "latest", "Validation successful")
        status, word, message = self.role_verdicts.get(credential["arn"], right)
        version = {"version": ROLE_VERSION} if status == 200 else {}
        return Answer(status, {"status": word, "message": message, **version})

    def _list_credentials(self, _: Request) -> Answer:
        return Answer(200, list(self.credentials.values()))

    def _get_credential(self, _: Request, credential_id: str) -> Answer:
        if credential_id not in self.credentials:
            raise RefusedError(404, {"error": "credential_not_found"})
        return Answer(200, self.credentials[credential_id])

    def _create_credential(self, request: Request) -> Answer:
        return Answer(200, self._store_credential(request.body, self.user_id))

    def _delete_credential(self, _: Request, credential_id: str) -> Answer:
        if self.credentials.pop(credential_id, None) is None:
            raise RefusedError(404, {"error": "credential_not_found"})
        return Answer(204)

    def _store_credential(self, document: dict[str, Any], by: str) -> dict[str, Any]:
        stored: dict[str, Any] = {**document, "id": str(uuid.uuid4()).upper(), "created": self._stamp(by)}
        self.credentials[stored["id"]] = stored
        return stored

    def _list_deployments(self, _: Request) -> Answer:
        return Answer(200, list(self.deployments.values()))

    def _get_deployment(self, _: Request, deployment_id: str) -> Answer:
        return Answer(200, self._deployment(deployment_id))

    def _create_deployment(self, request: Request) -> Answer:
        self._require_known_references(request.body)
        return Answer(201, self._store_deployment(request.body, self.user_id))

    def _update_deployment(self, request: Request, deployment_id: str) -> Answer:
        stored, change = self._deployment(deployment_id), request.body
        if change.get("version") != stored["version"]:
            raise RefusedError(409, {"error": "version_conflict"})
        if change.get("platform") != stored["platform"]:
            raise RefusedError(400, {"message": "the platform of a deployment cannot change"})
        self._require_known_references(change)
        kept = {name: stored[name] for name in ("id", "account_id", "status", "created")}
        updated = {
            **self._defaults(),
            **change,
            **kept,
            "modified": self._stamp(self.user_id),
            "version": stored["version"] + 1,
        }
        self.deployments[deployment_id] = updated
        return Answer(200, updated)

    def _delete_deployment(self, _: Request, deployment_id: str) -> Answer:
        self._deployment(deployment_id)
        del self.deployments[deployment_id]
        return Answer(204)

    def _deployment(self, deployment_id: str) -> dict[str, Any]:
        if deployment_id not in self.deployments:
            raise RefusedError(404, {"error": "deployment_not_found"})
        return self.deployments[deployment_id]

    def _store_deployment(self, document: dict[str, Any], by: str) -> dict[str, Any]:
        stamp = self._stamp(by)
        stored: dict[str, Any] = {
            **self._defaults(),
            **document,
            "id": str(uuid.uuid4()).upper(),
            "account_id": self.customer_id,
            "status": {"status": "new", "updated": stamp["at"]},
            "created": stamp,
            "modified": dict(stamp),
            "version": 1,
        }
        self.deployments[stored["id"]] = stored
        return stored

    def _require_known_references(self, document: dict[str, Any]) -> None:
        policies = {policy["id"] for policy in self.policies}
        for entry in document.get("scope", {}).get("include", ()):
            if "policy" in entry and entry["policy"].get("id") not in policies:
                raise RefusedError(
                    400, {"message": f"the account is not entitled to policy {entry['policy'].get('id')}"}
                )
        for linked in document.get("credentials", ()):
            if linked["id"] not in self.credentials:
                raise RefusedError(400, {"message": f"there is no credential {linked['id']}"})

    @staticmethod
    def _defaults() -> dict[str, Any]:
        return {
            "mode": "automatic",
            "enabled": True,
            "discover": True,
            "scan": True,
            "credentials": [],
            "scope": {"include": [], "exclude": []},
        }

    def _stamp(self, by: str) -> dict[str, Any]:
        return {"at": int(self._clock()), "by": by}

    ROUTES: ClassVar[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
        *Collection.COLLECTION_ROUTES,
        ("GET", r"/aims/v1/(?P<cid>\w+)/account", _account),
        ("POST", r"/endpoints/v1/(?P<cid>\w+)/residency/(?P<residency>\w+)/endpoints", _endpoints),
        ("GET", r"/policies/v1/(?P<cid>\w+)/policies", _list_policies),
        ("GET", r"/themis/v1/(?P<cid>\w+)/roles/aws/(?P<role_type>[^/]+)/latest", _get_role),
        ("POST", r"/themis/v1/validate/aws/(?P<role_type>[^/]+)", _validate_role),
        ("GET", r"/credentials/v2/(?P<cid>\w+)/credentials", _list_credentials),
        ("POST", r"/credentials/v2/(?P<cid>\w+)/credentials", _create_credential),
        ("GET", r"/credentials/v2/(?P<cid>\w+)/credentials/(?P<credential_id>[^/]+)", _get_credential),
        ("DELETE", r"/credentials/v2/(?P<cid>\w+)/credentials/(?P<credential_id>[^/]+)", _delete_credential),
        ("GET", r"/deployments/v1/(?P<cid>\w+)/deployments", _list_deployments),
        ("POST", r"/deployments/v1/(?P<cid>\w+)/deployments", _create_deployment),
        ("GET", r"/deployments/v1/(?P<cid>\w+)/deployments/(?P<deployment_id>[^/]+)", _get_deployment),
        ("PUT", r"/deployments/v1/(?P<cid>\w+)/deployments/(?P<deployment_id>[^/]+)", _update_deployment),
        ("DELETE", r"/deployments/v1/(?P<cid>\w+)/deployments/(?P<deployment_id>[^/]+)", _delete_deployment),
    )

"""The only code that speaks to Alert Logic."""

from .client import AlertLogic
from .collectors import CheckIn, Collector, Problem, Statistic
from .errors import (
    AlertLogicError,
    AuthenticationError,
    ConflictError,
    ContentRefusedError,
    RejectedError,
    RetryableError,
    SecretError,
    TooLargeError,
)
from .models import Account, Credential, Deployment, LinkedCredential, Policy, RolePolicy, RoleVerdict
from .settings import AccessKey, AlertLogicSettings

__all__ = [
    "AccessKey",
    "Account",
    "AlertLogic",
    "AlertLogicError",
    "AlertLogicSettings",
    "AuthenticationError",
    "CheckIn",
    "Collector",
    "ConflictError",
    "ContentRefusedError",
    "Credential",
    "Deployment",
    "LinkedCredential",
    "Policy",
    "Problem",
    "RejectedError",
    "RetryableError",
    "RolePolicy",
    "RoleVerdict",
    "SecretError",
    "Statistic",
    "TooLargeError",
]

"""The only code that speaks to Alert Logic."""

from .client import AlertLogic
from .errors import (
    AlertLogicError,
    AuthenticationError,
    ConflictError,
    RejectedError,
    RetryableError,
    SecretError,
)
from .models import Account, Credential, Deployment, LinkedCredential, Policy, RolePolicy
from .settings import AccessKey, AlertLogicSettings

__all__ = [
    "AccessKey",
    "Account",
    "AlertLogic",
    "AlertLogicError",
    "AlertLogicSettings",
    "AuthenticationError",
    "ConflictError",
    "Credential",
    "Deployment",
    "LinkedCredential",
    "Policy",
    "RejectedError",
    "RetryableError",
    "RolePolicy",
    "SecretError",
]

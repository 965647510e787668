"""The meaning of a store's faults: an error of obstore becomes one of this package.

The texts of obstore hold URLs, account names and server answers, so no message repeats them: a message has only the
status, and the store's code for the fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from ...brightspace.retry import TRANSIENT_STATUSES
from ...errors import BdsError, ConnectionFailed, ConnectionLost, DestinationError, TransientError
from ...workspace import StoreAddress, StoreKind


class Action(StrEnum):
    """What a request asks of a store."""

    LIST = "list the objects"
    LOOK = "look at an object"
    READ = "read an object"
    WRITE = "write an object"
    CLEAN = "abort an unfinished upload"


_PERMISSIONS = {
    StoreKind.S3: {
        Action.LIST: "s3:ListBucket",
        Action.LOOK: "s3:GetObject and s3:ListBucket",
        Action.READ: "s3:GetObject",
        Action.WRITE: "s3:PutObject",
        Action.CLEAN: "s3:ListBucketMultipartUploads and s3:AbortMultipartUpload",
    },
    StoreKind.GOOGLE: {
        Action.LIST: "storage.objects.list",
        Action.LOOK: "storage.objects.get and storage.objects.list",
        Action.READ: "storage.objects.get",
        Action.WRITE: "storage.objects.create and storage.objects.delete, which replacing needs",
    },
    StoreKind.AZURE: dict.fromkeys(Action, "the role Storage Blob Data Contributor"),
}
#: The sources of each store's credentials, for the person who must correct them.
CREDENTIALS = {
    StoreKind.S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine",
    StoreKind.GOOGLE: "GOOGLE_APPLICATION_CREDENTIALS, or the service account of this machine",
    StoreKind.AZURE: "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or a SAS, or the managed identity",
}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "InvalidBucketName"}
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "InvalidSecurity",
    "NoAuthenticationInformation",
    "InvalidAuthenticationInfo",
    "AuthenticationFailed",
    "AuthenticationRequired",
}
#: For keys that obstore rejects in stores other than S3; botocore can list those of S3.
_UNLISTABLE = "an object below it has a key with an empty part (//), or with . or .. as a part: rename or remove it."
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
#: Transient faults that S3 reports with other statuses.
_PASSING = {"RequestTimeout", "OperationAborted", "NoSuchUpload", "SlowDown", "ServerBusy"}


@dataclass(frozen=True, slots=True)
class _Fault:
    """The facts in obstore's text: status and code of an answer, or the kind of fault if there was no answer."""

    status: int | None
    code: str
    kind: str

    @classmethod
    def read(cls, text: str) -> _Fault:
        """Parse the status, code and kind from the text of the library's error."""
        status = re.search(r"status code: (\d{3})", text)
        code = re.search(r"<Code>([A-Za-z]{1,60})</Code>", text)
        kind = re.search(r"kind: (Connect|Timeout|Request|Interrupted|Decode|Unknown)\b", text)
        if "performing token request" in text:
            return cls(None, "", kind[1] if kind else "")
        if "redirect without LOCATION" in text:
            return cls(301, "", "")
        return cls(int(status[1]) if status else None, code[1] if code else "", kind[1] if kind else "")

    def __str__(self) -> str:
        return self.code or (f"status {self.status}" if self.status else "no answer")


def is_absence(error: BaseException) -> bool:
    """Whether an error says that an object is missing, not its bucket."""
    return isinstance(error, FileNotFoundError) and _Fault.read(str(error)).code not in _NO_BUCKET


class UnlistableError(DestinationError):
    """A store cannot be listed, because the key of an object is not a path."""


def fault_of(error: BaseException, address: StoreAddress, action: Action) -> BdsError:
    """Convert an error of obstore to one of this package: TransientError if another try may help."""
    from obstore.exceptions import InvalidPathError

    if isinstance(error, InvalidPathError):
        return UnlistableError(f"{address}: {_UNLISTABLE}")
    fault = _Fault.read(str(error))
    return _unanswered(fault, address) if fault.status is None else _answered(fault, address, action)


def answered(status: int, code: str, address: StoreAddress, action: Action) -> BdsError:
    """Convert the status and code of a store's answer to an error of this package."""
    return _answered(_Fault(status, code, ""), address, action)


@contextmanager
def faults_of_botocore(address: StoreAddress, action: Action) -> Iterator[None]:
    """Raise errors of botocore as errors of this package: TransientError if another try may help."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        raise answered(status, name_of(error), address, action) from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError):
        raise ConnectionLost(f"The connection to {address} broke, or stalled.") from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise answered(0, name_of(error), address, action) from None


def name_of(error: Exception) -> str:
    """The store's code in an error of botocore, else the name of the error's class; never its text."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def _answered(fault: _Fault, address: StoreAddress, action: Action) -> BdsError:
    if fault.code in _PASSING or fault.status in TRANSIENT_STATUSES:
        return TransientError(f"{address} answered {fault}.")
    return DestinationError(f"{address}: {_refusal(fault, address, action)}")


def _unanswered(fault: _Fault, address: StoreAddress) -> BdsError:
    if fault.kind == "Connect":
        return ConnectionFailed(f"No connection to {address}.")
    if fault.kind in ("Timeout", "Request", "Interrupted", "Decode"):
        return ConnectionLost(f"The connection to {address} broke, or stalled.")
    sources = CREDENTIALS[address.kind]
    return DestinationError(f"{address} cannot be used: check the endpoint and the credentials ({sources}).")


def _refusal(fault: _Fault, address: StoreAddress, action: Action) -> str:
    if fault.code in _NO_BUCKET or (fault.status == 404 and action is Action.LIST):
        return f"there is no bucket {address.bucket} ({fault}): create it, or name the right one with `to`."
    if fault.code in _CLOCK:
        return f"the store refuses requests of this moment ({fault}): set the clock of this machine, preferably by NTP."
    if fault.code in _REGION or (fault.status or 0) // 100 == 3:
        return f"the bucket is in another region ({fault}): set AWS_REGION to its region."
    if fault.code in _BAD_CREDENTIALS or fault.status == 401:
        return f"the store refuses the credentials ({fault}): check {CREDENTIALS[address.kind]}."
    if fault.status == 403:
        permission = _PERMISSIONS[address.kind].get(action, "write access")
        return f"no permission to {action} ({fault}): grant {permission}, or check {CREDENTIALS[address.kind]}."
    sources = CREDENTIALS[address.kind]
    return f"the store refuses to {action} ({fault}): check `to`, the endpoint and the credentials ({sources})."

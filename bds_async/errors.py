"""Every expected error, sorted by who must act; each class knows the exit code it leads to.

BdsError
├── PersonMustAct                 a person must change something first
│   ├── ConfigError               2   command line, config file, environment, home of the token
│   │   ├── PatternError          2   a pattern that matches no data set
│   │   └── WrongTenant           2   a folder that belongs to another tenant
│   ├── AuthorisationError        4   a grant, a scope or a permission was refused
│   ├── DestinationError          6   the folder: full, read-only, vanished
│   ├── TargetError               6   the mirror's database: not reached, refused, full
│   └── MachineLimit              6   a limit of this machine: open files, threads
└── AnotherRunMayHelp             later, the same command may succeed
    ├── Stopped       130, 143, 3    a signal, or the time that the run was given is up
    ├── FolderBusy               75   another run holds the folder
    │   └── LedgerBusy           75   another program holds the ledger
    ├── TargetBusy               75   another mirror or program holds the mirror's database
    ├── CredentialsBusy          75   another process keeps the refresh token locked
    ├── UnreachableError          5   Brightspace or the auth service did not answer
    ├── CatalogueError            5   the catalogue could not be fetched or read
    └── ExtractError              3   one extract (or one extract list) failed; others go on
        ├── RefusedRequest        3   answered with a status that a retry does not change
        ├── UnusableArchive       3   a zip that arrived whole, and cannot be used
        ├── LinkExpired           3   a signed link that this machine cannot renew; its coordinator can
        └── TransientError        3   retried within this run
            ├── Unauthorised      3   this request is refused an access token that others accept
            ├── ConnectionFailed  3   no connection was made, so nothing was sent
            ├── ConnectionLost    3   the connection broke, or stalled
            ├── Throttled         3   the server asked to wait, and said how long
            ├── Superseded        3   a piece of a partial file that was restarted
            └── VerificationError 3   the received bytes are not a whole zip
"""

from __future__ import annotations


class BdsError(Exception):
    """Base of every expected error.

    The text is for the person who reads it in a log: what happened, to what, what to do. It holds no secret.
    """

    exit_code = 1


class PersonMustAct(BdsError):
    """The same command fails again until a person has changed something."""


class ConfigError(PersonMustAct):
    """The command line, the config file, the environment or the refresh token's file cannot be used."""

    exit_code = 2


class PatternError(ConfigError):
    """A pattern of `--data-set` or `--exclude` matches no data set of this tenant."""


class WrongTenant(ConfigError):
    """The folder's ledger belongs to another tenant."""


class AuthorisationError(PersonMustAct):
    """Brightspace refused the grant, the scope or the permission: sign in again, or add the scope."""

    exit_code = 4


class DestinationError(PersonMustAct):
    """The destination is full, read-only or missing."""

    exit_code = 6


class TargetError(PersonMustAct):
    """The mirror's database cannot be reached, refuses the user or the password, or cannot be written."""

    exit_code = 6


class MachineLimit(PersonMustAct):
    """A limit of this machine is used up: open files, threads, memory."""

    exit_code = 6


class AnotherRunMayHelp(BdsError):
    """The same command may succeed later."""


class Stopped(AnotherRunMayHelp):
    """The run was stopped; `exit_code` is 128 and the number of a signal, or 3 for `--max-time`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class FolderBusy(AnotherRunMayHelp):
    """Another run holds the folder's lock."""

    exit_code = 75


class LedgerBusy(FolderBusy):
    """Another program, such as a database browser or a backup, holds the folder's ledger."""


class TargetBusy(AnotherRunMayHelp):
    """Another mirror works on the database, or another program holds its file."""

    exit_code = 75


class CredentialsBusy(AnotherRunMayHelp):
    """Another process has held the lock of the refresh token for longer than an exchange can take."""

    exit_code = 75


class UnreachableError(AnotherRunMayHelp):
    """Brightspace or the auth service could not be reached."""

    exit_code = 5


class CatalogueError(AnotherRunMayHelp):
    """The list of data sets could not be fetched completely, or is not what D2L documents."""

    exit_code = 5


class ExtractError(AnotherRunMayHelp):
    """One extract, or the extract list of one data set, failed; the others go on."""

    exit_code = 3


class RefusedRequest(ExtractError):
    """A server answered with a status that a retry does not change; `origin` is the server."""

    def __init__(self, message: str, origin: str, status: int) -> None:
        super().__init__(message)
        self.origin = origin
        self.status = status


class UnusableArchive(ExtractError):
    """The zip arrived whole but cannot be used: encrypted, an unknown method, too large, not one member."""


class LinkExpired(ExtractError):
    """A signed link no longer works, and this machine has no token to request another one."""


class TransientError(ExtractError):
    """A fault that a retry within the same run may overcome."""


class Unauthorised(TransientError):
    """The tenant answers this request with 401, but accepts the same access token for another."""


class ConnectionFailed(TransientError):
    """No connection was made (DNS, refused, timed out, TLS handshake): nothing of the request was sent."""


class ConnectionLost(TransientError):
    """The connection broke or stalled: the server may have processed the request."""


class Throttled(TransientError):
    """The server asked to wait (`Retry-After`, RFC 9110 section 10.2.3).

    `seconds` is the wait, already limited to the ceiling.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Superseded(TransientError):
    """The partial file was restarted while this piece of it was being fetched; the piece is dropped."""


class VerificationError(TransientError):
    """The received bytes are not a whole, valid zip."""


#: Exit codes in order of precedence; that of a signal (128 plus its number) wins over all of them.
_ORDER = (1, 75, 2, 4, 6, 5, 3, 0)


def rank(exit_code: int) -> int:
    """Return the position of an exit code in the documented order; the lowest one wins."""
    return -1 if exit_code > 128 else _ORDER.index(exit_code)


def weightiest(errors: BaseException) -> BaseException:
    """Return the error of a group (or a single error) whose exit code wins."""
    return min(_leaves(errors), key=lambda error: rank(exit_code_of(error)))


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of an error; 1 (a defect) if it is not a BdsError."""
    return error.exit_code if isinstance(error, BdsError) else BdsError.exit_code


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]

"""Every expected error, sorted by who must act; each class knows the exit code it leads to.

BdsError
├── PersonMustAct                 nothing helps but a person
│   ├── ConfigError               2   command line, config file, environment, home of the token
│   │   ├── PatternError          2   a pattern that matches no data set
│   │   └── WrongTenant           2   a folder that belongs to another tenant
│   ├── AuthorisationError        4   a grant, a scope or a permission was refused
│   ├── DestinationError          6   the folder: full, read-only, vanished
│   └── MachineLimit              6   a limit of this machine: open files, threads
└── AnotherRunMayHelp             later, the same command may succeed
    ├── Stopped       130, 143, 3    a signal, or the time that the run was given is up
    ├── FolderBusy               75   another run holds the folder
    │   └── LedgerBusy           75   another program holds its ledger
    ├── CredentialsBusy          75   another process keeps the refresh token locked
    ├── UnreachableError          5   Brightspace or the auth service did not answer
    ├── CatalogueError            5   the catalogue would not come, or made no sense
    └── ExtractError              3   one extract (or one extract list) failed; others go on
        ├── RefusedRequest        3   answered with a status that another try does not change
        ├── UnusableArchive       3   a zip that arrived whole, and is of no use
        └── TransientError        3   worth another try within this run
            ├── Unauthorised      3   one request is refused an access token that is good for others
            ├── ConnectionFailed  3   no connection came about, so nothing was sent
            ├── ConnectionLost    3   it broke, or brought nothing for too long
            ├── Throttled         3   the server asked to wait, and said how long
            ├── Superseded        3   a block of a body that was begun anew meanwhile
            └── VerificationError 3   the bytes came, but they are not a whole zip
"""

from __future__ import annotations


class BdsError(Exception):
    """Base of every error that bds-async foresees.

    The text is for the person who finds it in a log: what happened, to what, what to do; never a secret.
    """

    exit_code = 1


class PersonMustAct(BdsError):
    """Running the same command again does not help before a person has changed something."""


class ConfigError(PersonMustAct):
    """The command line, the config file, the environment or the home of the refresh token is not usable."""

    exit_code = 2


class PatternError(ConfigError):
    """A pattern of `--data-set` or `--exclude` matches no data set of this tenant."""


class WrongTenant(ConfigError):
    """The folder's ledger belongs to another tenant."""


class AuthorisationError(PersonMustAct):
    """Brightspace refused the grant, the scope or the permission; signing in again or a scope is needed."""

    exit_code = 4


class DestinationError(PersonMustAct):
    """The destination folder is full, read-only or gone."""

    exit_code = 6


class MachineLimit(PersonMustAct):
    """A limit of this machine is used up: open files, threads, memory."""

    exit_code = 6


class AnotherRunMayHelp(BdsError):
    """The same command may succeed when it is run again."""


class Stopped(AnotherRunMayHelp):
    """The run was asked to end before it was done; `exit_code` is 130 or 143 for a signal, 3 for `--max-time`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class FolderBusy(AnotherRunMayHelp):
    """Another run holds the folder's lock."""

    exit_code = 75


class LedgerBusy(FolderBusy):
    """Another program, no run of this one, holds the folder's ledger: a browser of databases, a backup."""


class CredentialsBusy(AnotherRunMayHelp):
    """Another process keeps the refresh token locked for longer than an exchange can take."""

    exit_code = 75


class UnreachableError(AnotherRunMayHelp):
    """A connection to Brightspace or to the auth service could not be made."""

    exit_code = 5


class CatalogueError(AnotherRunMayHelp):
    """The list of data sets could not be had whole, or is not what D2L documents."""

    exit_code = 5


class ExtractError(AnotherRunMayHelp):
    """One extract, or the extract list of one data set, failed; the others go on."""

    exit_code = 3


class RefusedRequest(ExtractError):
    """A server answered with a status that another try would not change; `origin` is who, `status` what."""

    def __init__(self, message: str, origin: str, status: int) -> None:
        super().__init__(message)
        self.origin = origin
        self.status = status


class UnusableArchive(ExtractError):
    """The zip is what the server holds, and of no use: encrypted, a foreign method, too large, not one member."""


class TransientError(ExtractError):
    """A fault that another try within the same run may get past."""


class Unauthorised(TransientError):
    """The tenant refuses this one request with 401, and takes the same access token for another."""


class ConnectionFailed(TransientError):
    """No connection came about (DNS, refused, timed out, TLS handshake): nothing of the request was sent."""


class ConnectionLost(TransientError):
    """The connection broke, or brought nothing for too long: the request may have been carried out."""


class Throttled(TransientError):
    """The server asked to wait (`Retry-After`, RFC 9110 section 10.2.3).

    `seconds` is how long, already held to a sane ceiling.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Superseded(TransientError):
    """The partial file was begun anew while this piece of it was on its way; the piece is to be dropped."""


class VerificationError(TransientError):
    """The bytes arrived but are not a whole, valid zip."""


#: Which code wins where several errors apply; a signal (128 and its number) wins over all of them.
_ORDER = (1, 75, 2, 4, 6, 5, 3, 0)


def rank(exit_code: int) -> int:
    """The place of an exit code in the documented order; the lower one wins."""
    return -1 if exit_code > 128 else _ORDER.index(exit_code)


def weightiest(errors: BaseException) -> BaseException:
    """Of the errors in a group (or a single one), the one whose exit code wins."""
    return min(_leaves(errors), key=lambda error: rank(exit_code_of(error)))


def exit_code_of(error: BaseException) -> int:
    """The exit code that an error leads to: 1, a defect, for one that is not ours."""
    return error.exit_code if isinstance(error, BdsError) else BdsError.exit_code


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]

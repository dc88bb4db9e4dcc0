"""The one exception tree, split by whose fault it is.

    FoveateError
    ├── CallerError            exit 2   a missing path, a wrong flag, an unknown name
    │   ├── ConfigError                 a setting nobody knows, or a bad value
    │   ├── ExtraMissing                an optional package is not installed
    │   └── EncoderMismatch             a collection made with another encoder
    ├── MediaError             exit 3   a file that cannot be read; never ends a run
    ├── ModelError             exit 4   a model that is missing, refused or fails
    │   └── ModelMissing                names the command that gets it
    ├── ServiceError           exit 5   store, ledger, server, disk
    │   ├── CollectionBusy              open in another process
    │   └── CollectionCorrupt           ledger or store damaged; says what to do
    └── BudgetError            exit 6   a limit was reached where no partial answer is possible

Messages quote what was found with ``!r`` and say what is allowed.
"""

__all__ = [
    "BudgetError",
    "CallerError",
    "CollectionBusy",
    "CollectionCorrupt",
    "ConfigError",
    "EncoderMismatch",
    "ExtraMissing",
    "FoveateError",
    "MediaError",
    "ModelError",
    "ModelMissing",
    "ServiceError",
]


class FoveateError(Exception):
    """Root of every error that foveate raises on purpose."""

    exit_code: int = 1
    """Exit status of the command line for this kind of fault."""


class CallerError(FoveateError):
    """The caller asked for something that cannot be: a missing path, a wrong name or value."""

    exit_code = 2


class ConfigError(CallerError):
    """A setting that is unknown or has a bad value; the message names the key and where it stands."""


class ExtraMissing(CallerError):
    """An optional package is needed and absent."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package!r} is not installed; run: pip install 'foveate[{extra}]'")


class EncoderMismatch(CallerError):
    """A collection holds vectors of one encoder and was opened with another."""

    def __init__(self, collection: str, has: str, wanted: str) -> None:
        super().__init__(
            f"collection {collection!r} holds vectors of encoder {has!r} and cannot take those of "
            f"{wanted!r}; open it with {has!r} or index into a new collection"
        )


class MediaError(FoveateError):
    """A file that cannot be read as what it claims to be. Reported per file; never ends a run."""

    exit_code = 3

    def __init__(self, reason: str, *, code: str = "media_broken") -> None:
        super().__init__(reason)
        self.code = code
        """``media_broken``, ``media_bomb``, ``media_unsupported``, ``media_empty`` or ``media_unreadable``."""

    def __reduce__(self) -> tuple[object, ...]:
        """Keep ``code`` when the error crosses a process border."""
        return (_media_error, (str(self), self.code))


def _media_error(reason: str, code: str) -> MediaError:
    return MediaError(reason, code=code)


class ModelError(FoveateError):
    """A model is missing, refused (unsafe files) or failed."""

    exit_code = 4


class ModelMissing(ModelError):
    """A model that was never fetched."""

    def __init__(self, name: str) -> None:
        super().__init__(f"model {name!r} is not on this machine; run: foveate models get {name}")


class ServiceError(FoveateError):
    """A store, ledger, server or disk failed."""

    exit_code = 5


class CollectionBusy(ServiceError):
    """The collection is open for writing in another process."""


class CollectionCorrupt(ServiceError):
    """The ledger or the store of a collection is damaged; the message says what to do."""


class BudgetError(FoveateError):
    """A limit was reached where no partial result is possible."""

    exit_code = 6

"""Who may share cached computation on a server: a salt per tenant, and picture ids that bind tenant and bytes.

vLLM reuses prefixes and pictures across requests; timing then tells one caller what another has sent (vLLM #16016).
A salt keeps tenants apart. It is an HMAC (RFC 2104) under a secret of this installation, so that knowing a tenant's
name does not give its salt. Pictures go by ids that foveate makes: one from a caller could name another's picture.
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

import platformdirs

from foveate.errors import ConfigError, ServiceError
from foveate.rerankers.protocols import ImagePart

__all__ = ["cache_salt", "installation_key", "media_uuid", "salt_of"]

_KEY_BYTES = 32


def installation_key(path: Path | None = None) -> bytes:
    """The secret of this installation, 32 bytes, made at first use in a file that its owner alone can read.

    Args:
        path: of the file; ``tenants.key`` in the user's data folder if left out.

    Raises:
        ServiceError: the file is not ours, or others can read it, or it is damaged; or it cannot be written.
    """
    path = path or Path(platformdirs.user_data_dir("foveate")) / "tenants.key"
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise ServiceError(f"cannot keep the tenants' secret in {str(path)!r}: {error}") from error


def cache_salt(tenant: str, key: bytes) -> str:
    """Salt of a tenant: HMAC-SHA-256 of its name, 64 hexadecimal digits.

    Raises:
        ConfigError: an empty name, or a key shorter than 16 bytes.
    """
    if not tenant:
        raise ConfigError("tenant is ''; name it, or leave it out where all callers may share")
    if len(key) < 16:
        raise ConfigError(f"the tenants' key has {len(key)} bytes; allowed are 16 or more")
    name = tenant.encode("utf-8", "surrogatepass")
    return hmac.new(key, b"foveate cache salt\x00" + name, hashlib.sha256).hexdigest()


def salt_of(tenant: str, key: bytes | None = None) -> str:
    """:func:`cache_salt`, with the secret of this installation where no key is given."""
    return cache_salt(tenant, installation_key() if key is None else key)


def media_uuid(image: ImagePart, salt: str | None) -> str:
    """Id of a picture for one tenant: SHA-256 over salt, kind and bytes, each with its length; 64 hex digits."""
    state = hashlib.sha256()
    for part in ((salt or "").encode(), image.mime.encode(), image.data):
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        # A link, not a rename: of two processes that begin together the second takes the first one's secret.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        facts = os.fstat(stream.fileno())
        key = stream.read(_KEY_BYTES + 1)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise ServiceError(f"{str(path)!r} must be a file of yours that nobody else can read: chmod 600 it")
    if len(key) != _KEY_BYTES:
        raise ServiceError(f"{str(path)!r} holds {len(key)} bytes, not {_KEY_BYTES}: remove it, a new one is made")
    return key

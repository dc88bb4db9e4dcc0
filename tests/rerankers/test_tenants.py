"""Salts and picture ids: what tells tenants apart, and the secret they rest on."""

import asyncio
import hashlib
import hmac
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import ConfigError, ServiceError
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.protocols import ImagePart, Message, Sampling
from foveate.rerankers.tenants import cache_salt, installation_key, media_uuid
from tests.rerankers.wire_server import Wire, serving

KEY = bytes(range(32))
PICTURE = ImagePart(data=b"\x89PNG\r\n\x1a\n", mime="image/png")
SEEN = [Message(role="user", text="What is this?", images=(PICTURE,))]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serving() as wire:
        yield wire


def sent(wire: Wire, **options: Any) -> dict[str, Any]:
    async def run() -> None:
        model = OpenAIChat("sea-model", wire.url, sees=True, **options)
        try:
            await model.chat(SEEN, Sampling(max_tokens=2))
        finally:
            await model.aclose()

    asyncio.run(run())
    return wire.requests[-1]


def test_salt_is_the_hmac() -> None:
    assert cache_salt("acme", KEY) == hmac.new(KEY, b"foveate cache salt\x00acme", hashlib.sha256).hexdigest()


names = st.text(min_size=1, max_size=20)
pictures = st.builds(ImagePart, data=st.binary(max_size=20), mime=st.sampled_from(["image/png", "image/jpeg"]))


@given(names, names, st.binary(min_size=16, max_size=40), st.binary(min_size=16, max_size=40))
def test_salts_tell_tenants_and_installations_apart(a: str, b: str, one: bytes, other: bytes) -> None:
    assert (cache_salt(a, one) == cache_salt(b, one)) == (a == b)
    # HMAC pads short keys with zeros (RFC 2104): such pairs are one key.
    assert (cache_salt(a, one) == cache_salt(a, other)) == (one.ljust(64, b"\0") == other.ljust(64, b"\0"))


@given(pictures, pictures, st.none() | names, st.none() | names)
def test_picture_ids_bind_tenant_kind_and_bytes(one: ImagePart, other: ImagePart, a: str | None, b: str | None) -> None:
    salts = [None if name is None else cache_salt(name, KEY) for name in (a, b)]
    assert (media_uuid(one, salts[0]) == media_uuid(other, salts[1])) == ((one, a) == (other, b))


def test_nothing_is_added_by_default(wire: Wire) -> None:
    body = sent(wire)
    assert "cache_salt" not in body
    assert all("uuid" not in part for part in body["messages"][0]["content"])


def test_a_tenants_requests_carry_its_salt(wire: Wire) -> None:
    body = sent(wire, tenant="acme", tenant_key=KEY)
    assert body["cache_salt"] == cache_salt("acme", KEY)
    # Servers other than vLLM refuse unknown fields of parts.
    assert all("uuid" not in part for part in body["messages"][0]["content"])


def test_a_callers_salt_is_overwritten(wire: Wire) -> None:
    body = sent(wire, tenant="acme", tenant_key=KEY, extra={"cache_salt": "theirs", "top_k": 3})
    assert body["cache_salt"] == cache_salt("acme", KEY)
    assert body["top_k"] == 3


def test_picture_ids_on_vllm(wire: Wire) -> None:
    salt = cache_salt("acme", KEY)
    mine = sent(wire, tenant="acme", tenant_key=KEY, vllm=True)["messages"][0]["content"]
    assert [part.get("uuid") for part in mine] == [None, media_uuid(PICTURE, salt)]
    # The bytes go along: an id alone would make one caller's picture another's.
    assert mine[1]["image_url"]["url"].startswith("data:image/png;base64,")
    theirs = sent(wire, tenant="other", tenant_key=KEY, vllm=True)["messages"][0]["content"]
    nobodys = sent(wire, vllm=True)["messages"][0]["content"]
    assert len({part[1]["uuid"] for part in (mine, theirs, nobodys)}) == 3


def test_bad_tenants(wire: Wire) -> None:
    with pytest.raises(ConfigError, match="tenant is ''"):
        OpenAIChat("m", wire.url, tenant="", tenant_key=KEY)
    with pytest.raises(ConfigError, match="has 0 bytes; allowed are 16 or more"):
        OpenAIChat("m", wire.url, tenant="acme", tenant_key=b"")


def test_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "home" / "tenants.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: installation_key(path), range(32)))
    assert keys == {path.read_bytes()} and len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["tenants.key"]
    assert installation_key(tmp_path / "elsewhere.key") not in keys


def test_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    body = sent(wire, tenant="acme")
    assert body["cache_salt"] == cache_salt("acme", (tmp_path / "foveate" / "tenants.key").read_bytes())


def test_secrets_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "tenants.key"
    installation_key(path)
    path.chmod(0o640)
    with pytest.raises(ServiceError, match="nobody else can read"):
        installation_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ServiceError, match="holds 5 bytes, not 32"):
        installation_key(path)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(ServiceError, match="must be a file of yours"):
        installation_key(path)
    path.unlink()
    path.symlink_to(tmp_path / "target")
    (tmp_path / "target").write_bytes(KEY)
    with pytest.raises(ServiceError, match="cannot keep the tenants' secret"):
        installation_key(path)
    (tmp_path / "plain").touch()
    with pytest.raises(ServiceError, match="cannot keep the tenants' secret"):
        installation_key(tmp_path / "plain" / "tenants.key")

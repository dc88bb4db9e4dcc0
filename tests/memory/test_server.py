import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from foveate.errors import CallerError, ExtraMissing, ServiceError
from foveate.memory import server
from foveate.memory.open_store import STORES, open_store
from foveate.memory.reference import ReferenceStore
from foveate.memory.server import ServerOptions, ServerStore
from foveate.memory.store import StoreSpec
from foveate.settings import StoreSettings
from tests.contracts.store import SPEC, Opener, StoreContract, image_point, name
from tests.memory.machine import run_machine

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


class TestServerStore(StoreContract):
    """Over ``QdrantClient(":memory:")``, qdrant-client's own stand-in written in Python.

    No Qdrant server could be had where these tests were written, so they hold the calls and their meaning,
    not the network, the cluster or the server's speed.
    """

    exclusive = False

    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        client = QdrantClient(":memory:")
        return lambda: ServerStore(SPEC, "test", client=client)


def test_any_order_of_operations() -> None:
    def fresh() -> Opener:
        client = QdrantClient(":memory:")
        return lambda: ServerStore(SPEC, "test", client=client)

    run_machine(fresh, examples=10, steps=20)


class Recorder:
    """A client that notes its calls and fails as often as told."""

    def __init__(self, *failures: Exception) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.failures = list(failures)

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            self.calls.append((method, args, options))
            if method == "collection_exists":
                return False
            if method == "get_collection":
                vectors = {key: SimpleNamespace(size=size) for key, size in SPEC.dense.items()}
                params = SimpleNamespace(vectors=vectors)
                return SimpleNamespace(config=SimpleNamespace(params=params), payload_schema={"kind": None})
            if method == "count" and self.failures:
                raise self.failures.pop(0)
            return SimpleNamespace(count=7)

        return call

    def named(self, method: str) -> list[dict[str, Any]]:
        return [options for called, _, options in self.calls if called == method]


def _store(client: Any, **options: Any) -> ServerStore:
    return ServerStore(SPEC, "photos", client=client, options=ServerOptions(**options))


def _status(code: int) -> UnexpectedResponse:
    return UnexpectedResponse(code, "reason", b"body", None)  # type: ignore[arg-type]


def test_layout_and_writes_ask_for_what_the_options_say() -> None:
    client = Recorder()
    store = _store(client, shards=3, replicas=2, write_consistency=2, prefix="team_", batch=2)
    (made,) = client.named("create_collection")
    assert made["shard_number"] == 3 and made["replication_factor"] == 2
    assert made["write_consistency_factor"] == 2 and made["quantization_config"].scalar.always_ram
    assert {one["wait"] for one in client.named("create_payload_index")} == {True}
    indexed = [args[1] for called, args, _ in client.calls if called == "create_payload_index"]
    assert indexed == [key for key in SPEC.indexed if key != "kind"], "kind is indexed already"
    store.upsert([image_point(number) for number in range(5)])
    assert [one["wait"] for one in client.named("upsert")] == [True] * 3
    assert all(args[0] == "team_photos" for called, args, _ in client.calls if called == "upsert")


def test_failures_that_pass_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(server.time, "sleep", waits.append)
    reset = ResponseHandlingException(ConnectionError("reset"))
    client = Recorder(reset, _status(503), _status(429))
    assert _store(client).count() == 7
    assert waits == pytest.approx([0.2, 0.4, 0.8])
    client = Recorder(*[_status(503)] * 9)
    with pytest.raises(ServiceError, match="503"):
        _store(client, attempts=2).count()
    assert len(client.named("count")) == 2


def test_failures_that_stay_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.time, "sleep", lambda seconds: pytest.fail("waited"))
    for failure in (_status(400), _status(403), RuntimeError("odd")):
        client = Recorder(failure)
        with pytest.raises(ServiceError, match="given client"):
            _store(client).count()
        assert len(client.named("count")) == 1


def test_a_key_is_shown_nowhere_and_an_address_is_needed(tmp_path: Path) -> None:
    store = _store(Recorder())
    assert "***" in repr(store) and "photos" in repr(store)
    settings = StoreSettings(kind="server", url="http://127.0.0.1:9", api_key=SecretStr("s3cret-key"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ServiceError) as caught:
            ServerStore(SPEC, "x", url=settings.url, api_key="s3cret-key", options=ServerOptions(attempts=1))
    assert "127.0.0.1:9" in str(caught.value) and "s3cret-key" not in str(caught.value)
    with pytest.raises(CallerError, match=r"store\.url"):
        open_store(StoreSettings(kind="server"), tmp_path / "store", SPEC)


def test_a_collection_with_other_vectors_is_refused() -> None:
    client = QdrantClient(":memory:")
    ServerStore(SPEC, "test", client=client).upsert([image_point(1)])
    with pytest.raises(CallerError, match="holds the vectors"):
        ServerStore(StoreSpec(dense={"image": 9}), "test", client=client)
    other = ServerStore(SPEC, "other", client=client)
    assert other.get([name(1)]) == []


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(ExtraMissing, match=r"foveate\[serving\]"):
        ServerStore(SPEC, "x", url="http://127.0.0.1:9")


def test_open_store_opens_by_name_and_names_the_choices(tmp_path: Path) -> None:
    for kind in ("edge", "reference"):
        store = open_store(StoreSettings(kind=kind), tmp_path / kind / "store", SPEC)  # type: ignore[arg-type]
        store.upsert([image_point(1)])
        store.close()
        assert (tmp_path / kind / "store").is_dir()
    odd = StoreSettings.model_construct(kind="edgy")
    with pytest.raises(CallerError, match=r"'edgy' must be one of \['edge', 'reference', 'server'\].*'edge'"):
        open_store(odd, tmp_path, SPEC)
    assert set(STORES) == set(StoreSettings.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    assert isinstance(ReferenceStore.from_settings(odd, tmp_path / "r", SPEC), ReferenceStore)

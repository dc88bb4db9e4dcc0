from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from tests.contracts.store import SPEC, Opener, StoreContract

from foveate.memory.server import ServerStore

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


class TestServerStore(StoreContract):
    """Over ``QdrantClient(":memory:")``, qdrant-client's own stand-in written in Python.

    No Qdrant server could be had where these tests were written, so they hold the calls and their meaning, not the
    network, the cluster or the server's speed.
    """

    exclusive = False

    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        client = QdrantClient(":memory:")
        return lambda: ServerStore(SPEC, "test", client=client)

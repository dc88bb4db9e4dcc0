from pathlib import Path

import pytest
from tests.contracts.store import SPEC, Opener, StoreContract

from foveate.memory.edge import EdgeStore


class TestEdgeStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return lambda: EdgeStore(SPEC, tmp_path / "store")

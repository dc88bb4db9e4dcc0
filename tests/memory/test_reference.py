from pathlib import Path

import pytest
from tests.contracts.store import SPEC, Opener, StoreContract

from foveate.memory.reference import ReferenceStore


class TestReferenceStore(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return lambda: ReferenceStore(SPEC, tmp_path / "store")

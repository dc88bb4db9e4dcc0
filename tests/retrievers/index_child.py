"""Run by ``test_kill.py``: index a folder slowly, print what is reported done, until killed."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.media.pieces import Limits, ReadOptions
from foveate.memory.collection import Collection, EncoderInfo
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.ingest import Indexer
from foveate.retrievers.progress import IndexProgress
from foveate.settings import StoreSettings


class SlowEncoder(HashedEncoder):
    """As slow as a real one, so that a kill can land anywhere."""

    def encode_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        time.sleep(0.002 * len(images))
        return super().encode_images(images)


def tell(progress: IndexProgress) -> None:
    print(f"done {progress.done}", flush=True)


def main(home: Path, name: str, folder: Path) -> None:
    encoder = SlowEncoder()
    info = EncoderInfo(name=encoder.name, fingerprint=encoder.fingerprint, dim=encoder.dim)
    with Collection.open(home, name, info, StoreSettings(), create=True) as collection:
        print("open", flush=True)
        indexer = Indexer(
            collection,
            encoder,
            options=ReadOptions(),
            limits=Limits(),
            progress=tell,
            commit_chunks=16,
            commit_s=0.2,
        )
        report = indexer.run([folder])
        print(f"finished {report.indexed}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

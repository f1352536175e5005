"""Responsible for an output in an object store: a conditional put decides, and nothing is ever renamed.

An attempt's data files are uploaded under their final names, which only this attempt has. Then the commit
record is created by a put that the store refuses if the name is taken (``If-None-Match: *`` on S3,
``ifGenerationMatch=0`` on Google): of any number of processes one wins, the others are told so, and their
files are garbage. No lock is needed for that, no rename, and no order of listings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from extract.commits import COMMITS, DATA_NAME, RUNS, DataFile
from extract.errors import StoreError, StoreRefused
from extract.place import ObjectPlace, spread
from extract.table import SCHEMAS
from extract.urls import code_of, open_filesystem, reaching, scheme_of
from jobs.errors import OutputBroken
from jobs.faults import fault_point
from jobs.leftover import Leftover

CONDITIONAL = ("s3", "s3a", "gs", "gcs")
"""Stores that refuse to create what exists, in one step of their own. Other filesystems of fsspec look first
and write then, between which another process fits."""
BEAT_SECONDS = 60.0
"""How often a driver shows that it goes on."""
SILENT_SECONDS = 600.0
"""After so long without that it counts as dead."""
_MARK = f"{COMMITS}/_conditional-put"
_MARK_TEXT = b"Made by the first run, and refused to every later one: so this store can be committed to.\n"
_BEAT = "alive"
_CONFLICTS = 8
_TAKEN = ("PreconditionFailed", "412")
_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")


@dataclass(frozen=True)
class ObjectStore:
    """A prefix of objects; see :class:`jobs.store.Store`."""

    root: ObjectPlace

    @property
    def grace_seconds(self) -> float:
        return SILENT_SECONDS

    def make(self) -> None:
        """Two requests: create a mark, or find it there, and see that it cannot be created again.

        :raises StoreRefused: when the store lets it be, or cannot be written.
        """
        open_filesystem(self.root.url)
        if scheme_of(self.root.url) not in CONDITIONAL:
            raise _unconditional(self.root.url, f"{scheme_of(self.root.url)}://")
        self._create(_MARK, _MARK_TEXT)
        if self._create(_MARK, _MARK_TEXT):
            raise _unconditional(self.root.url, "an object that was created twice")

    def put_new(self, key: str, data: bytes, *, point: str = "record", shard: str = "") -> bool:
        """Create a record; its bytes are this process's own, as every record names its run or attempt."""
        with reaching(self.root.url):
            fault_point(f"{point}.written", shard)
        won = self._create(key, data) or self._holds(key, data)
        fault_point(f"{point}.linked", shard)
        return won

    def put_over(self, key: str, data: bytes) -> None:
        place = self.root / key
        with reaching(place.url):
            place.filesystem.pipe_file(place.key, data)

    def remove(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)

    def begin(self, run_id: str) -> None:
        """Nothing: attempts upload to where their files stay."""

    def stage(
        self, run_id: str, kind: str, name: str, write: Callable[[BinaryIO], None], *, shard: str
    ) -> bytes:
        stream = BytesIO()
        write(stream)
        data = stream.getvalue()
        with reaching(self.root.url):
            fault_point("shard.written", shard)
        key = f"{kind}/{name}"
        if not self._create(key, data) and not self._holds(key, data):
            raise OutputBroken("uploaded file is another's", key, advice="run again to continue")
        return (self.root / key).read_bytes()

    def publish(self, run_id: str, files: Collection[DataFile], *, shard: str) -> None:
        """The files are where they stay; that they still are is looked up last of all."""
        sizes = spread(self.root, lambda file: _size_of(self.root / file.kind / file.name), files)
        for file, n_bytes in zip(files, sizes, strict=True):
            if n_bytes != file.n_bytes:
                raise OutputBroken(
                    "uploaded file changed its size", file.name, advice="run again to continue"
                )
        fault_point("commit.synced", shard)

    def discard(self, files: Iterable[DataFile]) -> None:
        for file in files:
            self.remove(f"{file.kind}/{file.name}")

    def end(self, run_id: str) -> None:
        """Nothing: `extract gc` removes what attempts left."""

    @contextmanager
    def holding(self, run_id: str) -> Iterator[None]:
        """Write an object anew every minute; that it grows old says that the process is gone."""
        key = f"{RUNS}/{run_id}/{_BEAT}"
        self.put_over(key, b"")
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=(key, ended), name="alive", daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()
            with suppress(StoreError):
                self.remove(key)

    def is_alive(self, run_id: str) -> bool:
        try:
            beaten = (self.root / RUNS / run_id / _BEAT).stat().st_mtime
        except FileNotFoundError:
            return False
        return time.time() - beaten < SILENT_SECONDS

    def iter_leftovers(self, alive: Collection[str]) -> Iterator[Leftover]:
        if alive:  # a run's data files get their record a moment after their upload
            return
        for kind in SCHEMAS:
            for place in (self.root / kind).iterdir():
                if DATA_NAME.fullmatch(place.name) and place.known is not None:
                    state = place.known
                    yield Leftover(place, f"{kind}/{place.name}", state.st_size, state.st_mtime)

    def remove_leftovers(self, leftovers: Iterable[Leftover]) -> None:
        spread(self.root, lambda leftover: leftover.path.unlink(missing_ok=True), leftovers)

    def _beat(self, key: str, ended: threading.Event) -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(StoreError):  # the next one may come through, and only `gc` and `status` look
                self.put_over(key, b"")

    def _create(self, key: str, data: bytes) -> bool:
        """Create an object unless its name is taken; whether this request did.

        :raises StoreError: when the store does not say.
        """
        place = self.root / key
        for retry in range(_CONFLICTS):
            try:
                with reaching(self.root.url):
                    place.filesystem.pipe_file(place.key, data, mode="create")
            except FileExistsError:
                return False
            except FileNotFoundError as exc:
                advice = "make it, or correct the URL"
                raise StoreRefused("no such bucket", self.root.url, advice=advice) from exc
            except StoreError as error:
                code = code_of(error.__cause__ or error)
                if code in _TAKEN:
                    return False
                if code in ("NotImplemented", "501"):
                    raise _unconditional(self.root.url, "501 Not Implemented") from error
                if code not in _CONFLICT or retry == _CONFLICTS - 1:
                    raise
                time.sleep(0.1 * 2**retry)  # another process was at it: it may have failed
            else:
                return True
        return False

    def _holds(self, key: str, data: bytes) -> bool:
        """Whether an object is the one that this process meant to create: the reply to a put that succeeded
        can be lost, and the libraries then repeat it, which the store refuses.
        """
        try:
            return (self.root / key).read_bytes() == data
        except FileNotFoundError:
            return False


def _size_of(place: ObjectPlace) -> int:
    """Bytes of an object; -1 where there is none."""
    try:
        return place.stat().st_size
    except FileNotFoundError:
        return -1


def _unconditional(url: str, got: str) -> StoreRefused:
    return StoreRefused(
        "output cannot be committed to this store",
        url,
        got,
        "one that refuses to create an object that exists (If-None-Match on PutObject)",
        "use Amazon S3, Google Cloud Storage or a store that does, or a mounted file system",
    )

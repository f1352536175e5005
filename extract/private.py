"""Responsible for folders of one user on a host that others use too, such as those below ``/tmp``."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def is_private(folder: Path) -> bool:
    """Whether it is a folder, no link, of this user, that nobody else may use."""
    state = folder.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077


def require_private(folder: Path) -> None:
    """Make such a folder unless it is there.

    :raises OSError: when it cannot be made, or what is there is another user's to change.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(folder):
        raise PermissionError(errno.EPERM, "others may change this folder", str(folder))

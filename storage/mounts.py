"""The mounted file systems: whether a path lies on one that other machines share, on which SQLite is not safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Locks and shared memory do not reach other machines, or not reliably, so that WAL would corrupt the database.
_NETWORK = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs"),
        *("lustre", "gpfs", "beegfs", "ceph", "panfs", "pvfs2", "orangefs", "glusterfs", "gfs2", "ocfs2"),
        # Folders of the host in a virtual machine, and of Windows in WSL.
        *("9p", "drvfs", "virtiofs", "vboxsf", "vmhgfs", "prl_fs"),
        *("mfs", "moosefs", "wekafs", "weka"),
    }
)
_NETWORK_FUSE = re.compile(
    r"fuse\.(sshfs|s3fs|s3ql|rclone|gcsfuse|goofys|glusterfs|ceph|ceph-fuse|davfs2|curlftpfs|juicefs|mount-s3"
    r"|blobfuse2?|mfs|moosefs|mfsmount|vmhgfs-fuse|nfs.*)"
)


@dataclass(frozen=True)
class Mount:
    """One line of the mount table."""

    point: Path
    kind: str

    @property
    def is_network(self) -> bool:
        """Whether other machines may have mounted it too."""
        return self.kind in _NETWORK or _NETWORK_FUSE.fullmatch(self.kind) is not None


def read_mounts(table: Path = Path("/proc/mounts")) -> list[Mount]:
    """The mounts of this system; empty where the system does not list them."""
    try:
        lines = table.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [Mount(Path(_unescaped(words[1])), words[2]) for words in map(str.split, lines) if len(words) >= 3]


def mount_of(path: Path, mounts: list[Mount]) -> Mount | None:
    """The mount that holds `path`, which must be absolute and resolved; of equal mount points, the last one counts."""
    holding = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(holding), key=lambda mount: len(mount.point.parts), default=None)


def _unescaped(text: str) -> str:
    r"""The mount table writes a space as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)

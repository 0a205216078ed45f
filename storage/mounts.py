"""The mounted file systems: whether a path lies on one that other machines share, on which SQLite is not safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Locks and shared memory do not reach other machines, or not reliably, so that WAL would corrupt the database.
_NETWORK = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs", "acfs"),
        *("lustre", "gpfs", "beegfs", "fhgfs", "ceph", "panfs", "pvfs2", "orangefs", "glusterfs", "gfs2", "ocfs2"),
        *("mfs", "moosefs", "wekafs", "weka", "quobyte"),
    }
)
# Folders of the host in a virtual machine or a container's machine, and of Windows in WSL.
_OF_A_HOST = frozenset({"9p", "drvfs", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "fakeowner", "osxfs", "grpcfuse"})
_NETWORK_FUSE = re.compile(
    r"(sshfs|s3fs|s3ql|rclone|gcsfuse|goofys|glusterfs|ceph|ceph-fuse|davfs2|curlftpfs|juicefs|mount-s3|blobfuse2?|mfs"
    r"|mfsmount|moosefs|lizardfs|saunafs|weka|wekafs|seaweedfs|quobyte|ossfs|cosfs|hdfs|alluxio.*|nfs.*)"
)
_HOST_FUSE = re.compile(r"(vmhgfs-fuse|vboxsf|grpcfuse|osxfs)")


@dataclass(frozen=True)
class Mount:
    """One line of the mount table.

    Attributes:
        point: Where it is mounted.
        kind: The type of the file system; for those in user space with the program: `fuse.sshfs`.
    """

    point: Path
    kind: str

    @property
    def is_network(self) -> bool:
        """Whether other machines may have mounted it too."""
        return self.shared is not None

    @property
    def shared(self) -> str | None:
        """What it is, where other machines may use its files too; None where this machine alone does."""
        base, _, program = self.kind.partition(".")
        if self.kind in _OF_A_HOST or (base == "fuse" and _HOST_FUSE.fullmatch(program)):
            return "a folder that this virtual machine, container or WSL shares with its host"
        if self.kind in _NETWORK or (base == "fuse" and _NETWORK_FUSE.fullmatch(program)):
            return "a file system that other machines share"
        return None


def read_mounts(table: Path = Path("/proc/mounts")) -> list[Mount]:
    """The mounts of this system; empty where the system does not list them."""
    try:
        lines = table.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    rows = [words for words in map(str.split, lines) if len(words) >= 3]
    return [Mount(Path(_unescaped(point)), _kind_of(_unescaped(device), kind)) for device, point, kind, *_ in rows]


def _kind_of(device: str, kind: str) -> str:
    """The type of a file system; older programs name themselves before a # in place of a device."""
    program, mark, _ = device.partition("#")
    return f"{kind}.{program}" if kind == "fuse" and mark else kind


def mount_of(path: Path, mounts: list[Mount]) -> Mount | None:
    """The mount that holds `path`, which must be absolute and resolved; of equal mount points, the last one counts."""
    holding = [mount for mount in mounts if path.is_relative_to(mount.point)]
    return max(reversed(holding), key=lambda mount: len(mount.point.parts), default=None)


def _unescaped(text: str) -> str:
    r"""The mount table writes a space as `\040`, and a # as `\043`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)

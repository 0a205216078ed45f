from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage import StorageRefusedError, open_storage
from storage.mounts import Mount, mount_of, read_mounts


def test_the_mount_table_is_read(tmp_path):
    table = tmp_path / "mounts"
    table.write_text("/dev/a / ext4 rw 0 0\nhost:/x /home/a\\040b nfs4 rw 0 0\n/dev/b /home/a\\040b ext4 rw 0 0\n")
    mounts = read_mounts(table)
    assert mounts[1] == Mount(Path("/home/a b"), "nfs4")
    assert mount_of(Path("/home/a b/c"), mounts) == mounts[2]  # mounted over the one before
    assert mount_of(Path("/home/a"), mounts) == mounts[0]
    assert read_mounts(tmp_path / "none") == []


NETWORKS = (
    "nfs4", "cifs", "smb3", "lustre", "beegfs", "ceph", "fuse.ceph-fuse", "fuse.ceph", "glusterfs", "fuse.glusterfs",
    "mfs", "fuse.mfs", "fuse.mfsmount", "fuse.moosefs", "wekafs", "weka", "fuse.sshfs", "fuse.s3fs", "fuse.juicefs",
)  # fmt: skip
HOSTS = ("9p", "drvfs", "virtiofs", "vboxsf", "vmhgfs", "fuse.vmhgfs-fuse", "prl_fs", "fakeowner", "fuse.grpcfuse")
LOCAL = ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.fuse-overlayfs", "fuse.gocryptfs", "ntfs3", "fuseblk")


@pytest.mark.parametrize("kind", [*NETWORKS, *HOSTS, *LOCAL])
def test_a_shared_file_system_is_refused_as_what_it_is(kind, tmp_path):
    mounts = [Mount(Path("/"), "ext4"), Mount(tmp_path, kind)]
    if kind in LOCAL:
        assert not mounts[1].is_network
        open_storage(tmp_path / "reluctant.db", mounts=mounts).close()
        return
    what = "a file system that other machines share" if kind in NETWORKS else "a folder that .* shares with its host"
    with pytest.raises(StorageRefusedError, match=rf"is on {what} \({re.escape(kind)} at .*a file on a local disk"):
        open_storage(tmp_path / "reluctant.db", mounts=mounts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("device", "program"),
    [
        ("mfs#master:9421", "mfs"),
        ("sshfs#ann@host:/home", "sshfs"),
        (r"mfs\043master:9421", "mfs"),  # as kernels write a #
    ],
)
def test_a_program_that_names_itself_as_the_device_is_recognised(device, program, tmp_path):
    table = tmp_path / "mounts"
    table.write_text(f"/dev/a / ext4 rw 0 0\n{device} /mnt/shared fuse rw 0 0\n/dev/sdb /mnt/disk fuse rw 0 0\n")
    mounts = read_mounts(table)
    assert [mount.is_network for mount in mounts] == [False, True, False]
    assert mounts[1].kind == f"fuse.{program}"

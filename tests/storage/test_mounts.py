from __future__ import annotations

from pathlib import Path

from storage.mounts import Mount, mount_of, read_mounts


def test_the_mount_table_is_read(tmp_path):
    table = tmp_path / "mounts"
    table.write_text("/dev/a / ext4 rw 0 0\nhost:/x /home/a\\040b nfs4 rw 0 0\n/dev/b /home/a\\040b ext4 rw 0 0\n")
    mounts = read_mounts(table)
    assert mounts[1] == Mount(Path("/home/a b"), "nfs4")
    assert mount_of(Path("/home/a b/c"), mounts) == mounts[2]  # mounted over the one before
    assert mount_of(Path("/home/a"), mounts) == mounts[0]
    assert read_mounts(tmp_path / "none") == []

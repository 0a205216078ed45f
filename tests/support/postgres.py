"""A PostgreSQL server of the tests' own: started in a folder of its own on a free port, and ended with them."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

USER, PASSWORD = "reluctant", "s3cret word"
_BESIDE = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [path for pattern in _BESIDE for path in Path("/").glob(pattern[1:]) if (path / "initdb").exists()]
    return max(found, default=None)


class Server:
    """A server that is started and restarted at will; a context manager.

    Args:
        bin: PostgreSQL's programs.
        durable: Whether it waits for the disk, as a server should that is no test's.
    """

    def __init__(self, bin: Path, *, durable: bool = False) -> None:  # noqa: A002 - what PostgreSQL calls it
        self._bin, self._durable = bin, durable
        self._folder = Path(tempfile.mkdtemp(prefix="reluctant-postgres-"))
        self._names = itertools.count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            for path in (self._folder, password):
                shutil.chown(path, "postgres", "postgres")
        self._run(
            "initdb", "-D", self.data, "-U", USER, "--pwfile", password, "-A", "scram-sha-256", "-E", "UTF8",
            "--locale", "C", "--no-sync", "--no-instructions",
        )  # fmt: skip

    @property
    def data(self) -> Path:
        """Where the server keeps its data."""
        return self._folder / "data"

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def configure(self, **settings: object) -> None:
        """Changes settings of a server that does not run."""
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(lines)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self._folder), "port": self.port}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "-D", self.data, "-l", self._folder / "log", "-o", options, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `fast` ends its sessions, `immediate` is a crash."""
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def new_database(self, template: str = "template1") -> str:
        """Creates a database and returns its name."""
        name = f"studies_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Runs one statement and returns its rows."""
        import psycopg

        url = self.url(database).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        options = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        # Into a file: the server inherits its starter's outputs and would keep a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                **options,
            )
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)}: {output.read()}")

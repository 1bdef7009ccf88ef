"""Databases, Redis and instances of RoomM8 on this machine, private and gone afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cloud.template import DEPLOY

# The machine may be busy, and a first start migrates.
START = 60.0


def program() -> Path:
    """The binary under test."""
    path = Path(os.environ.get("ROOMM8_TEST_BINARY") or DEPLOY.parent / "target/debug/roomm8").absolute()
    assert path.is_file(), f"there is no {path}: build it with `cargo build`, or name another by ROOMM8_TEST_BINARY"
    return path


def installed(name: str) -> str:
    """The path of a program that comes with the system."""
    # What runs as a service lies where only root looks.
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert path, f"{name} is not installed: `apt-get install haproxy mariadb-server redis-server` brings what this test starts"
    return path


def free_port() -> int:
    """A port that nobody listens on now; below those that the kernel gives to outgoing connections, of which there are many here."""
    for _ in range(100):
        port = random.randint(20000, 32000)  # noqa: S311
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


async def until(limit: float, what: str, is_so: Callable[[], bool]) -> float:
    """Wait until it is so, and say how long that took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < limit, f"within {limit} s it never came true that {what}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A process of our own, with its output in a file; it dies with this one, however that ends."""

    def __init__(self, log: Path, command: list[str], user: str | None = None, settings: dict[str, str] | None = None):
        self.log, self.name = log, Path(command[0]).name
        # Another user first: changing it takes the signal back.
        identity = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
        with log.open("a") as output:
            self.process = subprocess.Popen(
                [installed("setpriv"), *identity, "--pdeathsig", "KILL", "--", *command],
                env={"PATH": os.environ["PATH"], **(settings or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
            )

    def runs(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.said()}"
        return True

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Instance:
    """A seat behind the balancer; a process at a time sits there, at the same address."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str], host: str = "127.0.0.1", port: int | None = None):
        self.name, self.folder, self.port = name, folder, port or free_port()
        self.address = f"http://{host}:{self.port}"
        self.settings = {**settings, "LISTEN_ADDR": f"{host}:{self.port}"}
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process(self.folder / f"{self.name}.log", [str(program())], settings=self.settings)

    def is_ready(self) -> bool:
        assert self.process
        assert self.process.runs()
        try:
            return urllib.request.urlopen(f"{self.address}/readyz", timeout=2).status == 200
        except (urllib.error.HTTPError, OSError):
            return False

    def sockets(self) -> int:
        """How many WebSockets it has open."""
        text = urllib.request.urlopen(f"{self.address}/metrics", timeout=5).read().decode()
        found = re.search(r"^roomm8_sockets_open\S* (\d+)$", text, re.MULTILINE)
        assert found, f"/metrics says nothing of sockets:\n{text}"
        return int(found[1])

    async def end(self) -> float:
        """Ask it to drain, wait for its end, and say how long that took."""
        process = self.process
        assert process
        process.process.terminate()
        limit = float(self.settings["DRAIN_SECONDS"]) + 5
        took = await until(limit, f"{self.name} ended", lambda: process.process.poll() is not None)
        assert process.process.returncode == 0, f"{self.name} ended with {process.process.returncode}:\n{process.said()}"
        self.process = None
        return took

    def kill(self) -> None:
        if self.process:
            self.process.kill()


class MariaDb:
    """A database as an instance wants it: what is acknowledged is on the disk."""

    process: Process
    # It refuses to run as root; Debian's package brings this user.
    user = "mysql" if os.geteuid() == 0 else None

    def __init__(self, data: Path):
        self.data, self.port = data, free_port()
        self.url = f"mysql://roomm8:roomm8@127.0.0.1:{self.port}/roomm8"
        self.options = ["--no-defaults", f"--datadir={data}", "--innodb-log-file-size=48M", "--innodb-buffer-pool-size=128M"]

    def make(self) -> None:
        """An empty server."""
        self.data.mkdir()
        if self.user:
            shutil.chown(self.data, self.user, self.user)
        made = Process(
            self.data.with_suffix(".log"),
            [installed("mariadb-install-db"), *self.options, "--skip-test-db", "--auth-root-authentication-method=normal"],
            self.user,
        )
        assert made.process.wait(START) == 0, made.said()

    def command(self) -> tuple[list[str], str | None]:
        first = self.data.with_suffix(".sql")
        first.write_text(
            "CREATE DATABASE IF NOT EXISTS roomm8;\nCREATE USER IF NOT EXISTS roomm8@'%' IDENTIFIED BY 'roomm8';\n"
            "GRANT ALL ON roomm8.* TO roomm8@'%';\n"
        )
        options = [*self.options, f"--port={self.port}", "--bind-address=127.0.0.1"]
        options += [f"--socket={self.data}/socket", f"--pid-file={self.data}/pid", f"--init-file={first}"]
        options += ["--innodb-flush-log-at-trx-commit=1", "--character-set-server=utf8mb4"]
        options += ["--skip-name-resolve", "--performance-schema=OFF", "--max-connections=500"]
        return [installed("mariadbd"), *options], self.user

    def ask(self, statement: str) -> list[str]:
        """What the client prints, a row a line."""
        return self.client("mariadb", "--batch", "--skip-column-names", "roomm8", given=statement).splitlines()

    def dump(self) -> str:
        """A backup as SQL, of one moment, while others write."""
        return self.client("mariadb-dump", "--single-transaction", "--hex-blob", "roomm8")

    def client(self, name: str, *words: str, given: str | None = None) -> str:
        reach = ["--no-defaults", "--user=root", f"--socket={self.data}/socket"]
        done = subprocess.run([installed(name), *reach, *words], input=given, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def copy(self, to: Path) -> Path:
        """A backup as a snapshot of the disk takes it: what is there at one moment, of a server that runs."""
        self.process.process.send_signal(signal.SIGSTOP)
        try:
            subprocess.run(["cp", "--archive", self.data, to], check=True)
        finally:
            self.process.process.send_signal(signal.SIGCONT)
        for left in ("socket", "pid"):
            (to / left).unlink(missing_ok=True)
        return to


class Machine:
    """A folder, and what runs in it until the end."""

    def __init__(self) -> None:
        program()
        self.ends = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="roomm8-deploy-"))
            if os.environ.get("ROOMM8_TEST_KEEP"):
                print(f"logs and data are kept in {self.folder}")
            else:
                self.ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
            # The database may run as somebody else.
            self.folder.chmod(0o755)
            self.prepare()
        except BaseException:
            self.ends.close()
            raise
        return self

    def prepare(self) -> None:
        """What else is there from the beginning."""

    def __exit__(self, *_: object) -> None:
        self.ends.close()

    def run(self, name: str, command: list[str], user: str | None = None) -> Process:
        process = Process(self.folder / f"{name}.log", command, user)
        self.ends.callback(process.kill)
        return process

    def wait_for(self, process: Process, port: int) -> None:
        end = time.monotonic() + START
        while not listens(port):
            assert process.runs()
            assert time.monotonic() < end, f"{process.name} did not start:\n{process.said()}"
            time.sleep(0.05)

    def mariadb(self, name: str = "mariadb", copied: Path | None = None) -> MariaDb:
        """A new database, or one on the copied disk of another."""
        database = MariaDb(self.folder / name)
        if copied:
            copied.rename(database.data)
        else:
            database.make()
        process = self.run(name, *database.command())
        self.wait_for(process, database.port)
        database.process = process
        return database

    def redis(self) -> str:
        port = free_port()
        command = [installed("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.wait_for(self.run("redis", command), port)
        return f"redis://127.0.0.1:{port}/0"

"""The running system for tests of the rollover: MariaDB, Redis, instances of RoomM8 and HAProxy, private and gone afterwards."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import re
import shutil
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

# The seats of each colour: a release has other sizes than the one before it, so both two and three serve alone.
COLOURS = {"blue": ["blue-1", "blue-2"], "green": ["green-1", "green-2", "green-3"]}
SEATS = [seat for seats in COLOURS.values() for seat in seats]
DRAIN_SECONDS = 5
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

    def __init__(self, name: str, folder: Path, settings: dict[str, str]):
        self.name, self.folder, self.port = name, folder, free_port()
        self.settings = {**settings, "LISTEN_ADDR": f"127.0.0.1:{self.port}"}
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process(self.folder / f"{self.name}.log", [str(program())], settings=self.settings)

    def is_ready(self) -> bool:
        assert self.process
        assert self.process.runs()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status == 200
        except (urllib.error.HTTPError, OSError):
            return False

    def sockets(self) -> int:
        """How many WebSockets it has open."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).read().decode()
        found = re.search(r"^roomm8_sockets_open\S* (\d+)$", text, re.MULTILINE)
        assert found, f"/metrics says nothing of sockets:\n{text}"
        return int(found[1])

    async def end(self) -> float:
        """Ask it to drain, wait for its end, and say how long that took."""
        process = self.process
        assert process
        process.process.terminate()
        took = await until(DRAIN_SECONDS + 5, f"{self.name} ended", lambda: process.process.poll() is not None)
        assert process.process.returncode == 0, f"{self.name} ended with {process.process.returncode}:\n{process.said()}"
        self.process = None
        return took

    def kill(self) -> None:
        if self.process:
            self.process.kill()


def configuration(shipped: str, port: int, seats: dict[str, int]) -> str:
    """The configuration as it is shipped, with the addresses of this machine."""
    text, binds = re.subn(r"^( +bind) :8080$", rf"\1 127.0.0.1:{port}", shipped, flags=re.MULTILINE)
    text, servers = re.subn(r"^ +server \w+ \w+:9090\n", "", text, flags=re.MULTILINE)
    assert (binds, servers) == (1, 2), "container/haproxy.cfg is written in another way than this test knows"
    return text + "".join(f"    server {name} 127.0.0.1:{seat}\n" for name, seat in seats.items())


class Balancer:
    """HAProxy with the shipped configuration, led by its runtime API."""

    def __init__(self, folder: Path, seats: dict[str, int]):
        self.port, self.control = free_port(), folder / "haproxy.sock"
        self.address = f"http://127.0.0.1:{self.port}"
        (folder / "haproxy.cfg").write_text(configuration((DEPLOY / "container/haproxy.cfg").read_text(), self.port, seats))
        # What is added to what is shipped: a way for whoever flips to say so; and that a machine with fewer file handles than
        # `maxconn` needs will do.
        control = f"global\n    stats socket {self.control} mode 600 level admin\n    no strict-limits\n"
        (folder / "control.cfg").write_text(control)
        command = [installed("haproxy"), "-db", "-f", str(folder / "haproxy.cfg"), "-f", str(folder / "control.cfg")]
        self.process = Process(folder / "haproxy.log", command)

    async def say(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self.control))
        writer.write(f"{command}\n".encode())
        answer = (await asyncio.wait_for(reader.read(), 5)).decode()
        writer.close()
        return answer

    async def put(self, seat: str, state: str) -> None:
        """`ready` for traffic, or `drain`: no new traffic, but looked after."""
        answer = await self.say(f"set server api/{seat} state {state}")
        assert not answer.strip(), answer

    async def figures(self) -> dict[str, dict[str, str]]:
        """What it counts, by server, and of `FRONTEND` and `BACKEND`."""
        lines = (await self.say("show stat")).removeprefix("# ").splitlines()
        rows = {row["svname"]: row for row in csv.DictReader(lines)}
        return rows

    async def passes(self, seat: str) -> bool:
        """Whether the last look at `/readyz` found it ready."""
        figures = (await self.figures())[seat]
        return figures["check_status"].strip("* ") == "L7OK" and not figures["status"].startswith("DOWN")

    async def until_passes(self, seat: str, expected: bool) -> None:
        end = time.monotonic() + 10
        while await self.passes(seat) is not expected:
            assert time.monotonic() < end, f"HAProxy did not see in 10 s that {seat} is {'ready' if expected else 'gone'}"
            await asyncio.sleep(0.05)


class Fleet:
    """All of it. Traffic goes to the seats that were switched on."""

    def __init__(self) -> None:
        program()
        self.ends = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="roomm8-rollover-"))
            if os.environ.get("ROOMM8_TEST_KEEP"):
                print(f"logs and data are kept in {self.folder}")
            else:
                self.ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
            # The database may run as somebody else.
            self.folder.chmod(0o755)
            settings = {
                "DATABASE_URL": self.mariadb(),
                "REDIS_URL": self.redis(),
                "MAILBOX_DIR": str(self.folder / "mailbox"),
                "TRUSTED_PROXIES": "1",
                "CONNECTIONS_PER_ADDRESS": "0",
                "CONNECTIONS_PER_ACCOUNT": "0",
                "COST_BUCKET": "0",
                "THROTTLE": "off",
                "DRAIN_SECONDS": str(DRAIN_SECONDS),
                "LOG": "warn",
            }
            self.seats = {name: Instance(name, self.folder, settings) for name in SEATS}
            for seat in self.seats.values():
                self.ends.callback(seat.kill)
        except BaseException:
            self.ends.close()
            raise
        return self

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

    def mariadb(self) -> str:
        """A database as an instance wants it: what is acknowledged is on the disk."""
        data, port = self.folder / "mariadb", free_port()
        data.mkdir()
        # It refuses to run as root; Debian's package brings this user.
        user = "mysql" if os.geteuid() == 0 else None
        if user:
            shutil.chown(data, user, user)
        options = ["--no-defaults", f"--datadir={data}", "--innodb-log-file-size=48M", "--innodb-buffer-pool-size=128M"]
        made = Process(
            self.folder / "mariadb.log",
            [installed("mariadb-install-db"), *options, "--skip-test-db", "--auth-root-authentication-method=normal"],
            user,
        )
        assert made.process.wait(START) == 0, made.said()
        first = self.folder / "first.sql"
        first.write_text("CREATE DATABASE roomm8;\nCREATE USER roomm8@'%' IDENTIFIED BY 'roomm8';\nGRANT ALL ON roomm8.* TO roomm8@'%';\n")
        options += [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/socket", f"--pid-file={data}/pid"]
        options += [f"--init-file={first}", "--innodb-flush-log-at-trx-commit=1", "--character-set-server=utf8mb4"]
        options += ["--skip-name-resolve", "--performance-schema=OFF", "--max-connections=500"]
        self.wait_for(self.run("mariadb", [installed("mariadbd"), *options], user), port)
        return f"mysql://roomm8:roomm8@127.0.0.1:{port}/roomm8"

    def redis(self) -> str:
        port = free_port()
        command = [installed("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.wait_for(self.run("redis", command), port)
        return f"redis://127.0.0.1:{port}/0"

    async def balance(self) -> Balancer:
        """Start HAProxy, with all seats switched off."""
        self.balancer = Balancer(self.folder, {name: seat.port for name, seat in self.seats.items()})
        self.ends.callback(self.balancer.process.kill)
        await until(START, "HAProxy listens", lambda: self.balancer.process.runs() and listens(self.balancer.port))
        for name in SEATS:
            await self.balancer.put(name, "drain")
        return self.balancer

    async def bring_up(self, names: list[str]) -> None:
        """Start instances, and switch traffic to them when HAProxy has seen that they are ready."""
        for name in names:
            self.seats[name].start()
        for name in names:
            await asyncio.to_thread(self.wait_until_ready, self.seats[name])
            await self.balancer.until_passes(name, expected=True)
        for name in names:
            await self.balancer.put(name, "ready")

    def wait_until_ready(self, seat: Instance) -> None:
        end = time.monotonic() + START
        while not seat.is_ready():
            assert time.monotonic() < end, f"{seat.name} was not ready in {START} s"
            time.sleep(0.05)

    async def take_down(self, names: list[str]) -> float:
        """Switch traffic away from instances, then have them drain; says how long the longest took."""
        for name in names:
            await self.balancer.put(name, "drain")
        for name in names:
            await self.until_only_sockets(name)
        took = await asyncio.gather(*(self.seats[name].end() for name in names))
        # So that what HAProxy knew of this process is not taken for the next one's.
        for name in names:
            await self.balancer.until_passes(name, expected=False)
        return max(took)

    async def until_only_sockets(self, name: str) -> None:
        """Requests that were on their way when the traffic was switched have their answers."""
        end = time.monotonic() + 10
        while True:
            sockets = await asyncio.to_thread(self.seats[name].sockets)
            sessions = int((await self.balancer.figures())[name]["scur"])
            if sessions <= sockets:
                return
            assert time.monotonic() < end, f"{name} has {sessions} sessions and {sockets} sockets 10 s after traffic was switched away"
            await asyncio.sleep(0.05)

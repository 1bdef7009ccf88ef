"""The running system for tests of the rollover: MariaDB, Redis, instances of RoomM8 and HAProxy, private and gone afterwards."""

from __future__ import annotations

import asyncio
import csv
import re
import time
from pathlib import Path

from machine import START, Instance, Machine, Process, free_port, installed, listens, until

from cloud.template import DEPLOY

# The seats of each colour: a release has other sizes than the one before it, so both two and three serve alone.
COLOURS = {"blue": ["blue-1", "blue-2"], "green": ["green-1", "green-2", "green-3"]}
SEATS = [seat for seats in COLOURS.values() for seat in seats]


def configuration(shipped: str, port: int, seats: dict[str, int]) -> str:
    """The configuration as it is shipped, with the addresses of this machine."""
    text, binds = re.subn(r"^( +bind) :8080$", rf"\1 127.0.0.1:{port}", shipped, flags=re.MULTILINE)
    text, servers = re.subn(r"^ +server \w+ \w+:9090\n", "", text, flags=re.MULTILINE)
    assert (binds, servers) == (1, 2), "container/haproxy.cfg is written in another way than this test knows"
    return text + "".join(f"    server {name} 127.0.0.1:{seat}\n" for name, seat in seats.items())


class Balancer:
    """HAProxy with the shipped configuration, led by its runtime API."""

    def __init__(self, folder: Path, port: int, text: str):
        self.port, self.control = port, folder / "haproxy.sock"
        self.address = f"http://127.0.0.1:{self.port}"
        (folder / "haproxy.cfg").write_text(text)
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


class Fleet(Machine):
    """All of it. Traffic goes to the seats that were switched on."""

    def __init__(self, drain_seconds: int):
        super().__init__()
        self.drain_seconds = drain_seconds

    def prepare(self) -> None:
        settings = {
            "DATABASE_URL": self.mariadb().url,
            "REDIS_URL": self.redis(),
            "MAILBOX_DIR": str(self.folder / "mailbox"),
            "TRUSTED_PROXIES": "1",
            "CONNECTIONS_PER_ADDRESS": "0",
            "CONNECTIONS_PER_ACCOUNT": "0",
            "COST_BUCKET": "0",
            "THROTTLE": "off",
            "DRAIN_SECONDS": str(self.drain_seconds),
            "LOG": "warn",
        }
        self.seats = {name: Instance(name, self.folder, settings) for name in SEATS}
        for seat in self.seats.values():
            self.ends.callback(seat.kill)

    async def balance(self) -> Balancer:
        """Start HAProxy, with all seats switched off."""
        port, seats = free_port(), {name: seat.port for name, seat in self.seats.items()}
        text = configuration((DEPLOY / "container/haproxy.cfg").read_text(), port, seats)
        self.balancer = Balancer(self.folder, port, text)
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

    async def stop_unannounced(self, name: str) -> float:
        """Have an instance drain of which HAProxy knows nothing but what it sees, and start another in its place."""
        took = await self.seats[name].end()
        await self.balancer.until_passes(name, expected=False)
        self.seats[name].start()
        await asyncio.to_thread(self.wait_until_ready, self.seats[name])
        await self.balancer.until_passes(name, expected=True)
        return took

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

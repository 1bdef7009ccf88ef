"""HAProxy as compose.yml starts it: the shipped file, by the names of its containers."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from crowd import CURSOR, ask, move_in, session, sign_up
from fleet import Balancer
from machine import Instance, Machine, free_port, installed, listens, until

from cloud.template import DEPLOY

SHIPPED = DEPLOY / "container/haproxy.cfg"
NAMES = ("one", "two")


class Names:
    """A name server as the one that containers ask: it knows those that run."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                asked, who = self.socket.recvfrom(2048)
            except OSError:
                return
            self.socket.sendto(self.answer(asked), who)

    def answer(self, asked: bytes) -> bytes:
        end = asked.index(0, 12) + 5
        question, name = asked[12:end], asked[13 : 13 + asked[12]].decode()
        (kind,) = struct.unpack(">H", question[-4:-2])
        address = self.addresses.get(name)
        if address is None:
            return asked[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question
        if kind != 1:
            return asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 0, 0, 0) + question
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(address)
        return asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + question + record


def configuration(port: int, behind: int, names: int) -> str:
    """The shipped file with the ports of this machine."""
    text, servers = re.subn(r"^( +server (\w+) \2):9090$", rf"\1:{behind}", SHIPPED.read_text(), flags=re.MULTILINE)
    text, binds = re.subn(r"^( +bind) :8080$", rf"\1 127.0.0.1:{port}", text, flags=re.MULTILINE)
    text, asked = re.subn("^ +parse-resolv-conf$", f"    nameserver here 127.0.0.1:{names}", text, flags=re.MULTILINE)
    assert (servers, binds, asked) == (2, 1, 1), "container/haproxy.cfg is written in another way than this test knows"
    return text


@pytest.mark.program
def test_the_shipped_file_has_nothing_that_haproxy_warns_of() -> None:
    checked = subprocess.run([installed("haproxy"), "-c", "-V", "-dW", "-f", SHIPPED], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "WARNING" not in checked.stderr


def status(address: str, path: str) -> int:
    try:
        return urllib.request.urlopen(f"{address}{path}", timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


async def serve(machine: Machine) -> None:
    names, port, behind = Names(), free_port(), free_port()
    machine.ends.callback(names.socket.close)
    settings = {"DATABASE_URL": machine.mariadb().url, "REDIS_URL": machine.redis(), "MAILBOX_DIR": f"{machine.folder}/mailbox"}
    settings |= {"DRAIN_SECONDS": "2", "TRUSTED_PROXIES": "1", "LOG": "warn"}

    async def start(name: str, address: str) -> Instance:
        instance = Instance(name, machine.folder, settings, address, behind)
        machine.ends.callback(instance.kill)
        instance.start()
        await until(60, f"{name} is ready", instance.is_ready)
        names.addresses[name] = address
        return instance

    one = await start("one", "127.0.0.2")
    # `two` has no address yet.
    balancer = Balancer(machine.folder, port, configuration(port, behind, names.port))
    machine.ends.callback(balancer.process.kill)
    await until(20, "HAProxy listens", lambda: balancer.process.runs() and listens(port))
    await balancer.until_passes("one", expected=True)
    async with session() as http:
        people = [await sign_up(http, balancer.address, name) for name in ("Aino", "Bo")]
        home = await move_in(http, balancer.address, people)
        for hidden in ("/readyz", "/livez", "/metrics", "/"):
            assert await asyncio.to_thread(status, balancer.address, hidden) == 404

        async def is_answered() -> None:
            found = await ask(http, balancer.address, people[0].token, CURSOR, {"id": home.id})
            assert found["household"]["id"] == home.id

        two = await start("two", "127.0.0.3")
        await balancer.until_passes("two", expected=True)
        await one.end()
        names.addresses.pop("one")
        await is_answered()
        # Made anew, elsewhere; and the other one goes.
        one = await start("one", "127.0.0.4")
        await until_at(balancer, "one", f"127.0.0.4:{behind}")
        await balancer.until_passes("one", expected=True)
        await two.end()
        await is_answered()
    await one.end()


async def until_at(balancer: Balancer, server: str, address: str) -> None:
    end = time.monotonic() + 20
    while (found := (await balancer.figures())[server]["addr"]) != address:
        assert time.monotonic() < end, f"HAProxy looks for {server} at {found}"
        await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.program
def test_two_instances_are_served_by_name_wherever_they_are() -> None:
    with Machine() as machine:
        asyncio.run(serve(machine))

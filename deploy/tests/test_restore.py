"""A database in use is lost; its backup becomes another server, and goes on as README and runbooks say."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession
from crowd import CURSOR, FOLLOW, MESSAGES, PATIENCE, Household, Requests, ask, move_in, session, sign_up
from machine import Instance, Machine, MariaDb, program, until

from cloud.template import DEPLOY, HOST

# What is said at the same place in both.
EPOCHS = re.compile(r"^UPDATE household_streams SET epoch = .+;\nUPDATE inboxes SET epoch = .+;$", re.MULTILINE)
RATE = 40.0


def statement() -> str:
    """What is to be run before an instance starts on what was restored."""
    said = {path: EPOCHS.findall((DEPLOY / path).read_text()) for path in ("README.md", "runbooks/restore.md")}
    (only,) = {line for lines in said.values() for line in lines}
    assert all(len(lines) == 1 for lines in said.values())
    return only


def by_dump(lost: MariaDb, machine: Machine) -> Callable[[], MariaDb]:
    dump = lost.dump()

    def restored() -> MariaDb:
        database = machine.mariadb("restored")
        database.ask(dump)
        return database

    return restored


def by_copy(lost: MariaDb, machine: Machine) -> Callable[[], MariaDb]:
    copied = lost.copy(machine.folder / "snapshot")
    return lambda: machine.mariadb("restored", copied)


async def first_frame(http: ClientSession, address: str, home: Household, after: str | None) -> dict[str, Any]:
    """What a subscription from a cursor is told first."""
    async with asyncio.timeout(PATIENCE), http.ws_connect(f"{address}/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {home.people[0].token}"}})
        assert (await socket.receive_json())["type"] == "connection_ack"
        payload = {"query": FOLLOW, "variables": {"id": home.id, "after": after}}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        return await socket.receive_json()


def refusal(frame: dict[str, Any]) -> str | None:
    return frame["payload"][0]["extensions"]["code"] if frame["type"] == "error" else None


async def cursor_of(http: ClientSession, address: str, home: Household) -> str:
    return (await ask(http, address, home.people[0].token, CURSOR, {"id": home.id}))["household"]["cursor"]


async def bodies(http: ClientSession, address: str, home: Household) -> list[str]:
    """The newest messages."""
    found = (await ask(http, address, home.people[0].token, MESSAGES, {"id": home.id}))["household"]
    return [message["body"] for message in found["generalConversation"]["messages"]["nodes"]]


def open_as_a_drill_does(machine: Machine, database: MariaDb) -> str:
    """With the script that a host has, and the real program."""
    folder = machine.folder / "host"
    folder.mkdir(exist_ok=True)
    address = database.url.replace("127.0.0.1", "{secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:app#host}")
    (folder / "environment").write_text(f"DATABASE_URL={address}\n")
    text = (HOST / "drill.sh").read_text()
    text = text.replace("/etc/roomm8/", f"{folder}/").replace("/opt/roomm8/roomm8", str(program()))
    script = folder / "drill.sh"
    script.write_text(text)
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", script, "127.0.0.1"], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def start(machine: Machine, name: str, database: MariaDb) -> Instance:
    settings = {"DATABASE_URL": database.url, "MAILBOX_DIR": str(machine.folder / "mailbox"), "DRAIN_SECONDS": "1", "LOG": "warn"}
    settings |= {"COST_BUCKET": "0", "THROTTLE": "off", "CONNECTIONS_PER_ADDRESS": "0"}
    instance = Instance(name, machine.folder, settings)
    machine.ends.callback(instance.kill)
    instance.start()
    await until(60, f"{name} is ready", instance.is_ready)
    return instance


async def lose_and_restore(machine: Machine, back_up: Callable[[MariaDb, Machine], Callable[[], MariaDb]]) -> None:
    database = machine.mariadb()
    instance = await start(machine, "before", database)
    async with session() as http:
        people = [await sign_up(http, instance.address, name) for name in ("Aino", "Bo")]
        home = await move_in(http, instance.address, people)
        requests = Requests(instance.address, [home])
        async with asyncio.TaskGroup() as group:
            group.create_task(requests.keep_coming(http, RATE))
            await until(30, "there are messages", lambda: len(home.sent) >= 5)
            cursor = await cursor_of(http, instance.address, home)
            await until(30, "more messages came", lambda: len(home.sent) >= 10)
            kept = list(home.sent.values())
            restore = await asyncio.to_thread(back_up, database, machine)
            known = len(home.sent)
            await until(30, "more messages came", lambda: len(home.sent) >= known + 5)
            requests.is_over.set()
        assert not requests.failures
        too_new = await cursor_of(http, instance.address, home)
        lost = list(home.sent.values())[-1]
        assert (await bodies(http, instance.address, home))[-1] == lost

        database.process.kill()
        instance.kill()
        restored = await asyncio.to_thread(restore)
        assert open_as_a_drill_does(machine, restored) == "the database is up to date"

        # Without what is documented a client would go on from its old place, in a log that says something else from there on.
        careless = await start(machine, "careless", restored)
        assert refusal(await first_frame(http, careless.address, home, cursor)) is None
        await careless.end()

        before = restored.ask("SELECT epoch FROM household_streams")
        restored.ask(statement())
        assert len(before) == 1
        assert restored.ask("SELECT epoch FROM household_streams") != before
        instance = await start(machine, "after", restored)
        for old in (cursor, too_new):
            assert refusal(await first_frame(http, instance.address, home, old)) == "RESYNC_REQUIRED"

        # Who was signed in still is, finds what was written before the backup, and goes on.
        found = await bodies(http, instance.address, home)
        assert set(kept) <= set(restored.ask("SELECT body FROM messages"))
        assert lost not in found
        home.sent.clear()
        await Requests(instance.address, [home]).send(http, home, people[1])
        assert [*found, *home.sent.values()][-10:] == await bodies(http, instance.address, home)
        frame = await first_frame(http, instance.address, home, after=None)
        assert frame["payload"]["data"]["householdEvents"]["kind"] == "SUBSCRIBED", frame
        await instance.end()


@pytest.mark.slow
@pytest.mark.program
@pytest.mark.parametrize("back_up", [by_dump, by_copy], ids=["a dump", "a snapshot of the disk"])
def test_what_was_restored_goes_on_and_no_client_from_an_old_place(back_up: Callable[[MariaDb, Machine], Callable[[], MariaDb]]) -> None:
    with Machine() as machine:
        asyncio.run(lose_and_restore(machine, back_up))

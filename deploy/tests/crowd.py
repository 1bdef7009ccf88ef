"""The people of the rollover, as front-end teams would write their clients: they ask, send, follow, and come back after a break."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import struct
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector, WSMsgType

# One of so many requests sends a message.
ONE_IN = 10
# For an answer, and for a socket to be opened.
PATIENCE = 10.0
# A client that lost its socket waits up to so long before it connects again, as not to come with all the others.
JITTER = 1.0

HOUSEHOLD = "query($id: ID!) { household(id: $id) { id name unreadCount members(first: 5) { nodes { role displayName } } } }"
MESSAGES = """query($id: ID!) { household(id: $id) { id generalConversation {
    messages(last: 10) { nodes { id body createdAt author { displayName } } } } } }"""
CURSOR = "query($id: ID!) { household(id: $id) { id cursor } }"
SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    clientMutationId cursor message { body } userErrors { code message } } }"""
FOLLOW = """subscription($id: ID!, $after: Cursor) { householdEvents(householdId: $id, after: $after) {
    cursor kind subject { ... on Message { body } } } }"""


class Position(NamedTuple):
    """Where a cursor is in the log of a household. Clients must not look inside; whoever checks for holes has to."""

    epoch: int
    number: int


def position(cursor: str) -> Position:
    inside = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert inside[:1] == b"L", f"{cursor} is no place in a log"
    return Position(*struct.unpack(">iq", inside[1:]))


class Failed(Exception):
    """A request that was not answered as it should be, the first time that it was sent."""


@dataclass
class Person:
    name: str
    token: str


@dataclass
class Household:
    id: str
    conversation: str
    people: list[Person]
    sent: dict[Position, str] = field(default_factory=dict)
    """The messages that were acknowledged, by their place in the log."""


def session() -> ClientSession:
    """Keeps as many connections open as are needed at once."""
    return ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=PATIENCE))


async def ask(http: ClientSession, address: str, token: str | None, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Send an operation once, and give its data."""
    headers = {"Accept": "application/graphql-response+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        # By POST: what is sent by GET may be repeated by clients and proxies on their own.
        async with http.post(f"{address}/graphql", json={"query": document, "variables": variables}, headers=headers) as response:
            text = await response.text()
    except (ClientError, TimeoutError) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error
    if response.status != 200:
        raise Failed(f"status {response.status}: {text[:300]}")
    answer = json.loads(text)
    if answer.get("errors") or not answer.get("data"):
        raise Failed(f"errors: {text[:300]}")
    return answer["data"]


async def change(http: ClientSession, address: str, token: str | None, name: str, given: dict[str, Any], selection: str) -> dict[str, Any]:
    """A mutation that must do what it says; `given` is its input."""
    kind = name[0].upper() + name[1:]
    document = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    payload = (await ask(http, address, token, document, {"input": given}))[name]
    if payload["userErrors"]:
        raise Failed(f"{name}: {payload['userErrors']}")
    return payload


async def sign_up(http: ClientSession, address: str, name: str) -> Person:
    email, password = f"{name.lower()}-{uuid.uuid4().hex}@example.org", f"brass kettle {uuid.uuid4().hex}"
    await change(http, address, None, "register", {"email": email, "password": password, "displayName": name}, "accepted")
    signed_in = await change(http, address, None, "login", {"email": email, "password": password, "device": "a test"}, "token")
    return Person(name, signed_in["token"])


async def move_in(http: ClientSession, address: str, people: list[Person]) -> Household:
    """A household of these people, founded by the first."""
    owner, *others = people
    given = {"name": "Kalliolinna 4 B", "timeZone": "Europe/Helsinki", "currency": "EUR"}
    found = await change(http, address, owner.token, "createHousehold", given, "household { id generalConversation { id } }")
    home = found["household"]
    given = {"householdId": home["id"], "role": "MEMBER", "maxUses": max(1, len(others))}
    invitation = await change(http, address, owner.token, "createInvitation", given, "token")
    for person in others:
        await change(http, address, person.token, "acceptInvitation", {"token": invitation["token"]}, "alreadyMember")
    return Household(home["id"], home["generalConversation"]["id"], people)


class Requests:
    """Operations at a steady rate, whether or not those before them have their answers; none is sent twice."""

    def __init__(self, address: str, households: list[Household]):
        self.address, self.households = address, households
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self.seconds: list[float] = []
        self.is_over = asyncio.Event()

    async def keep_coming(self, http: ClientSession, rate: float) -> float:
        """Until it is over; gives the rate that was reached."""
        began = time.monotonic()
        sent = 0
        async with asyncio.TaskGroup() as group:
            while not self.is_over.is_set():
                # Those that are due by now, however late this turn comes.
                while sent < (time.monotonic() - began) * rate:
                    group.create_task(self.one(http, sent))
                    sent += 1
                await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            took = time.monotonic() - began
        return sent / took

    async def one(self, http: ClientSession, number: int) -> None:
        turn, place = divmod(number, ONE_IN)
        # In turn, so that no household is quiet for longer than another: an event is how a follower knows that it is back.
        home = self.households[(turn + place) % len(self.households)]
        person = random.choice(home.people)  # noqa: S311
        what = "sendMessage" if place == 0 else random.choice(["household", "messages"])  # noqa: S311
        began = time.monotonic()
        try:
            await {"sendMessage": self.send, "household": self.look, "messages": self.read}[what](http, home, person)
        except (Failed, KeyError, TypeError) as error:
            self.failures.append(f"{what}, after {time.monotonic() - began:.3f} s: {error}")
        self.seconds.append(time.monotonic() - began)
        self.done[what] += 1

    async def send(self, http: ClientSession, home: Household, person: Person) -> None:
        name = uuid.uuid4().hex
        given = {"conversationId": home.conversation, "body": f"{person.name}: {name}", "clientMutationId": name}
        payload = (await ask(http, self.address, person.token, SEND, {"input": given}))["sendMessage"]
        told = (payload["userErrors"], payload["clientMutationId"], (payload["message"] or {}).get("body"))
        if told != ([], name, given["body"]):
            raise Failed(f"another answer than was asked for: {payload}")
        at = position(payload["cursor"])
        if at in home.sent:
            raise Failed(f"two messages are at {at}")
        home.sent[at] = given["body"]

    async def look(self, http: ClientSession, home: Household, person: Person) -> None:
        answer = (await ask(http, self.address, person.token, HOUSEHOLD, {"id": home.id}))["household"]
        if answer["id"] != home.id or len(answer["members"]["nodes"]) != len(home.people):
            raise Failed(f"another household than was asked for: {answer}")

    async def read(self, http: ClientSession, home: Household, person: Person) -> None:
        known = len(home.sent)
        answer = (await ask(http, self.address, person.token, MESSAGES, {"id": home.id}))["household"]
        # Whatever instance answers knows all that was acknowledged before it was asked.
        if answer["id"] != home.id or len(answer["generalConversation"]["messages"]["nodes"]) < min(10, known):
            raise Failed(f"fewer messages than the {known} that were sent: {answer}")


class Subscriber:
    """Follows a household over one socket, and after each break goes on from its last cursor."""

    def __init__(self, name: str, address: str, home: Household, person: Person):
        self.name, self.address, self.home, self.person = name, address, home, person
        self.cursor: str | None = None
        self.start: Position | None = None
        self.heard: list[tuple[Position, str | None]] = []
        self.faults: list[str] = []
        self.closes: Counter[str] = Counter()
        self.breaks: list[float] = []
        """Seconds from each close to the next event."""
        self.broken_at: float | None = None
        self.busy = 0
        """How often a server was too busy to let it follow."""

    def is_back(self) -> bool:
        return self.start is not None and self.broken_at is None

    async def follow(self, http: ClientSession) -> None:
        """For ever: whoever started it ends it."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    connecting = http.ws_connect(f"{self.address}/graphql", protocols=["graphql-transport-ws"], max_msg_size=1 << 20)
                    socket = await connecting
                async with socket:
                    self.closes[await self.listen(socket)] += 1
            except (ClientError, TimeoutError) as error:
                self.faults.append(f"a socket was not opened: {type(error).__name__}: {error}")
            if self.broken_at is None:
                self.broken_at = time.monotonic()
            await asyncio.sleep(random.uniform(0, JITTER))  # noqa: S311

    async def listen(self, socket: ClientWebSocketResponse) -> str:
        """Until the socket closes; says how."""
        await socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {self.person.token}"}})
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            frame = json.loads(message.data)
            match frame["type"]:
                case "connection_ack":
                    await self.subscribe(socket)
                case "ping":
                    await socket.send_json({"type": "pong"})
                case "next" if not frame["payload"].get("errors"):
                    self.note(frame["payload"]["data"]["householdEvents"])
                case "error" if frame["payload"][0]["extensions"]["code"] == "UNAVAILABLE":
                    # Worth another try with the same cursor, says the schema.
                    self.busy += 1
                    await asyncio.sleep(random.uniform(0, JITTER))  # noqa: S311
                    await self.subscribe(socket)
                case _:
                    self.faults.append(f"heard {message.data[:300]}")
        return f"{socket.close_code}" if message.type is WSMsgType.CLOSE else f"without a code, {message.type.name}"

    async def subscribe(self, socket: ClientWebSocketResponse) -> None:
        variables = {"id": self.home.id, "after": self.cursor}
        await socket.send_json({"id": uuid.uuid4().hex, "type": "subscribe", "payload": {"query": FOLLOW, "variables": variables}})

    def note(self, event: dict[str, Any]) -> None:
        if self.broken_at is not None and self.start is not None:
            self.breaks.append(time.monotonic() - self.broken_at)
        self.broken_at = None
        at = position(event["cursor"])
        last = position(self.cursor) if self.cursor else None
        self.cursor = event["cursor"]
        if event["kind"] == "SUBSCRIBED" and last is None:
            self.start = at
        elif last is None or at != (last.epoch, last.number + 1):
            self.faults.append(f"{event['kind']} at {at} came after {last}")
        if event["kind"] != "SUBSCRIBED":
            self.heard.append((at, (event["subject"] or {}).get("body")))

    def wrong(self) -> list[str]:
        """What it heard in another way than it was sent."""
        due = sorted((at, body) for at, body in self.home.sent.items() if self.start is None or at > self.start)
        found = list(self.faults)
        if self.heard != due:
            told, sent = Counter(self.heard), Counter(due)
            found.append(
                f"heard {len(self.heard)} of {len(due)}: lost {list((sent - told).elements())[:3]}, "
                f"doubled or never sent {list((told - sent).elements())[:3]}, in order: {self.heard == sorted(self.heard)}"
            )
        return [f"{self.name}: {words}" for words in found]

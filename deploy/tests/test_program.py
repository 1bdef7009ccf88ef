"""A build of the program is what hosts and containers can run."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine, free_port, until
from machine import program as built

from cloud import program
from cloud.stacks import Refused

HELLO = '#include <stdio.h>\nint main(void) { puts("roomm8 of a test"); return 0; }\n'


@pytest.mark.program
def test_hosts_can_load_it() -> None:
    program.check_that_hosts_run(built())


@pytest.mark.program
def test_it_is_ready_within_a_second() -> None:
    with Machine() as machine:
        for database in (machine.mariadb().url, f"sqlite://{machine.folder}/roomm8.sqlite3"):
            program.start(built(), database)
            # Beside other work on the machine it takes longer now and then.
            assert min(program.start(built(), database) for _ in range(3)) < program.START_WITHIN


@pytest.fixture
def tag() -> Iterator[str]:
    """The name of an image that is gone afterwards."""
    yield "roomm8:of-a-test"
    program.run(*program.BUILDAH, "rmi", "roomm8:of-a-test")


@pytest.mark.program
def test_its_image_is_measured_and_serves(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A debug build is no release, and may be as large as it is.
    monkeypatch.setattr(program, "IMAGE_AT_MOST", float("inf"))
    said: list[str] = []
    program.image(built(), tag, said.append)
    assert re.fullmatch(rf"{tag}: \d+\.\d MB, \d+\.\d MB unpacked", said[0])
    assert re.fullmatch(r"it runs: roomm8 \d+\.\d+\.\d+", said[1])
    with Machine() as machine:
        port = free_port()
        # By a name, which the libraries of the image look up.
        settings = {"DATABASE_URL": machine.mariadb().url.replace("127.0.0.1", "localhost"), "LISTEN_ADDR": f"127.0.0.1:{port}"}
        given = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        made = program.run(*program.BUILDAH, "from", tag).strip()
        machine.ends.callback(program.run, *program.BUILDAH, "rm", made)
        mailbox = machine.folder / "mailbox"
        mailbox.mkdir()
        # Whoever it runs as.
        mailbox.chmod(0o777)
        given += ["--env", "MAILBOX_DIR=/mailbox", "--volume", f"{mailbox}:/mailbox"]
        running = machine.run("container", [*program.BUILDAH, "run", "--isolation", "chroot", *given, made, "/roomm8", "serve"])
        asyncio.run(until(60, "it is ready", lambda: running.runs() and program.answers(f"http://127.0.0.1:{port}/readyz")))
        running.process.terminate()
        running.process.wait(20)


@pytest.mark.program
def test_a_program_without_libraries_has_an_image_too_and_a_large_one_is_refused(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hello.c").write_text(HELLO)
    hello = tmp_path / "hello"
    subprocess.run(["cc", "-static", "-o", hello, tmp_path / "hello.c"], check=True)
    said: list[str] = []
    program.image(hello, tag, said.append)
    assert said[1] == "it runs: roomm8 of a test"
    monkeypatch.setattr(program, "IMAGE_AT_MOST", 100_000)
    with pytest.raises(Refused, match=r"roomm8:of-a-test has 0\.\d MB, and 0 MB is what it may have"):
        program.image(hello, tag)


def test_what_takes_too_long_to_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "start", lambda *_: 1.25)
    with pytest.raises(Refused, match=r"takes 1\.250 s to become ready on sqlite, and 1 s is what it may take"):
        program.measure(Path("/bin/true"), [], 3, lambda _: None)


def test_what_stops_while_it_starts_is_told() -> None:
    with pytest.raises(Refused, match=r"/bin/true does not become ready on database\.example"):
        program.start(Path("/bin/true"), "mysql://roomm8:secret@database.example")

"""A build of the program is what hosts and containers can run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from machine import Machine
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


def compiled(folder: Path, *options: str) -> Path:
    (folder / "hello.c").write_text(HELLO)
    subprocess.run(["cc", *options, "-o", folder / "hello", folder / "hello.c"], check=True)
    return folder / "hello"


@pytest.mark.program
def test_an_image_is_built_run_and_measured(tmp_path: Path) -> None:
    said: list[str] = []
    program.image(compiled(tmp_path, "-static"), "roomm8:of-a-test", said.append)
    assert said[0].startswith("roomm8:of-a-test: 1.")
    assert said[1] == "it runs: roomm8 of a test"


@pytest.mark.program
def test_an_image_that_would_not_run_or_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="needs libraries, and the image has none: link it statically"):
        program.image(compiled(tmp_path), "roomm8:of-a-test")
    monkeypatch.setattr(program, "IMAGE_AT_MOST", 500_000)
    with pytest.raises(Refused, match=r"roomm8:of-a-test has \d\.\d MB, and [01] are what it may have"):
        program.image(compiled(tmp_path, "-static"), "roomm8:of-a-test")


def test_what_takes_too_long_to_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "start", lambda *_: 1.25)
    with pytest.raises(Refused, match=r"takes 1\.250 s to become ready on sqlite, and 1 s is what it may take"):
        program.measure(Path("/bin/true"), [], 3, lambda _: None)


def test_what_stops_while_it_starts_is_told() -> None:
    with pytest.raises(Refused, match=r"/bin/true does not become ready on database\.example"):
        program.start(Path("/bin/true"), "mysql://roomm8:secret@database.example")

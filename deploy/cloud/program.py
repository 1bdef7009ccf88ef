"""What a build of the program must be before it is released: made for the glibc of hosts, small, and quick to start."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cloud.emulation import free_port
from cloud.stacks import Refused
from cloud.template import DEPLOY

# Of Amazon Linux 2023.
HOSTS_HAVE = (2, 34)
# As it is stored and pulled.
IMAGE_AT_MOST = 25_000_000
# From the call to a 200 of /readyz, with a schema that is up to date.
START_WITHIN = 1.0
BUILDAH = ("buildah", "--storage-driver", "vfs")
# With gzip it would be above what it may have. Docker and containerd have understood this since 2023.
COMPRESSED = ("--format", "oci", "--compression-format", "zstd", "--compression-level", "9")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command: str | Path) -> str:
    """What a tool says; it must be here, and succeed."""
    if not shutil.which(str(command[0])):
        raise Refused(f"{command[0]} is not installed")
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"{' '.join(str(part) for part in command)} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def libraries(binary: Path) -> list[Path]:
    """What the loader of this machine loads for a program, itself too; nothing if that brings everything."""
    if "program interpreter" not in run("readelf", "--program-headers", "--wide", binary):
        return []
    found = run("ldd", binary)
    if "not found" in found:
        raise Refused(f"{binary} needs libraries that are not here: {found}")
    # The kernel's own has no path.
    return [Path(path) for path in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", found, re.MULTILINE)]


def needed_glibc(binary: Path) -> tuple[int, int]:
    """The newest glibc of which a program uses something; (0, 0) if it brings its own."""
    # What a library offers is in another section.
    _, _, needs = run("readelf", "--version-info", "--wide", binary).partition("Version needs section")
    return max(((int(major), int(minor)) for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", needs)), default=(0, 0))


def check_that_hosts_run(binary: Path) -> None:
    """Refuse what hosts could not even load: they would say so one by one, while people wait."""
    if not binary.is_file():
        raise Refused(f"there is no {binary}")
    if "Advanced Micro Devices X86-64" not in run("readelf", "--file-header", "--wide", binary):
        raise Refused(f"{binary} is no program for x86-64")
    needed = needed_glibc(binary)
    if needed > HOSTS_HAVE:
        raise Refused(f"{binary} needs glibc {needed[0]}.{needed[1]}, and hosts have {HOSTS_HAVE[0]}.{HOSTS_HAVE[1]}")


def start(binary: Path, database: str, *, patience: float = 60) -> float:
    """Seconds from the call to a 200 of /readyz; then it is ended."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="roomm8-start-") as folder:
        settings = {"DATABASE_URL": database, "LISTEN_ADDR": address, "MAILBOX_DIR": folder, "DRAIN_SECONDS": "1", "LOG": "error"}
        began = time.monotonic()
        process = subprocess.Popen([binary], env={"PATH": os.environ["PATH"], **settings}, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            while not answers(f"http://{address}/readyz"):
                if process.poll() is not None or time.monotonic() - began > patience:
                    raise Refused(f"{binary} does not become ready on {database.rpartition('@')[2]}")
                # Often, as this is what is measured.
                time.sleep(0.002)
            return time.monotonic() - began
        finally:
            process.terminate()
            process.wait(30)


def answers(url: str) -> bool:
    with suppress(urllib.error.HTTPError, OSError):
        return urllib.request.urlopen(url, timeout=5).status == 200
    return False


def measure(binary: Path, databases: list[str], starts: int, say: Callable[[str], None] = print) -> None:
    """Say what a release needs, how large it is and how long it takes to start; refuse it where that is too much."""
    check_that_hosts_run(binary)
    needed = needed_glibc(binary)
    say(f"needs glibc {needed[0]}.{needed[1]}" if needed > (0, 0) else "needs no glibc")
    data = binary.read_bytes()
    say(f"{len(data) / 1e6:.1f} MB, {len(gzip.compress(data)) / 1e6:.1f} MB compressed")
    with tempfile.TemporaryDirectory(prefix="roomm8-measure-") as folder:
        for database in [f"sqlite://{folder}/roomm8.sqlite3", *databases]:
            # The first brings the schema up to date.
            start(binary, database)
            took = [start(binary, database) for _ in range(starts)]
            kind = database.partition(":")[0]
            say(f"ready on {kind} in {statistics.median(took):.3f} s in the middle of {starts} starts, {max(took):.3f} s at most")
            if max(took) > START_WITHIN:
                raise Refused(f"{binary} takes {max(took):.3f} s to become ready on {kind}, and {START_WITHIN:.0f} s is what it may take")


def gather(binary: Path, folder: Path) -> None:
    """What container/Dockerfile copies."""
    folder.mkdir()
    # Symbols are a quarter of it, and say nothing to who runs it.
    run("strip", "--strip-all", "-o", folder / "roomm8", binary)
    shutil.copy(AUTHORITIES, folder / AUTHORITIES.name)
    (folder / "libraries").mkdir()
    for path in libraries(binary):
        here = folder / "libraries" / path.relative_to("/")
        here.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, here)


def image(binary: Path, tag: str, say: Callable[[str], None] = print) -> None:
    """Build the image of a program, run it, and refuse it if it is too large."""
    if not binary.is_file():
        raise Refused(f"there is no {binary}")
    with tempfile.TemporaryDirectory(prefix="roomm8-image-") as folder:
        context, archive = Path(folder) / "context", Path(folder) / "image.tar"
        gather(binary, context)
        # 0, so that equal contents give an equal image.
        run(*BUILDAH, "bud", "--isolation", "chroot", "--timestamp", "0", "--file", DEPLOY / "container/Dockerfile", "--tag", tag, context)
        run(*BUILDAH, "push", *COMPRESSED, tag, f"oci-archive:{archive}")
        size, compressed = sum(path.stat().st_size for path in context.rglob("*") if path.is_file()), archive.stat().st_size
        say(f"{tag}: {compressed / 1e6:.1f} MB, {size / 1e6:.1f} MB unpacked")
        if compressed > IMAGE_AT_MOST:
            raise Refused(f"{tag} has {compressed / 1e6:.1f} MB, and {IMAGE_AT_MOST / 1e6:.0f} MB is what it may have")
        made = run(*BUILDAH, "from", tag).strip()
        try:
            say(f"it runs: {run(*BUILDAH, 'run', '--isolation', 'chroot', made, '/roomm8', '--version').strip()}")
        finally:
            run(*BUILDAH, "rm", made)

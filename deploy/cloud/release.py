"""What is uploaded: releases of the API with their host files, the notification function, the site."""

from __future__ import annotations

import gzip
import hashlib
import io
import mimetypes
import tarfile
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cloud.program import check_that_hosts_run
from cloud.stacks import Account, Refused
from cloud.template import HOST


@dataclass
class Release:
    """A release in the bucket."""

    key: str
    sha256: str


def authorities(region: str) -> bytes:
    """The certificates of who vouches for databases of a region, as Amazon publishes them."""
    url = f"https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()
    except OSError as error:
        raise Refused(f"the certificates of RDS could not be read from {url} ({error}); give them with --database-ca") from error


def packed(binary: Path, database_ca: bytes) -> bytes:
    """The binary, the authorities and the host files as a tar of which equal contents give equal bytes."""
    if b"-----BEGIN CERTIFICATE-----" not in database_ca:
        raise Refused("what should be the certificates of RDS holds none")
    contents = {"roomm8": binary.read_bytes(), "rds-ca.pem": database_ca}
    contents |= {path.name: path.read_bytes() for path in sorted(HOST.iterdir())}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755 if name == "roomm8" or name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(tar.getvalue(), mtime=0)


def bucket(account: Account) -> str:
    return account.outputs_of("20-data")["ArtifactBucket"]


def upload_release(account: Account, binary: Path, database_ca: bytes) -> Release:
    """Put a release in the bucket, under its digest, so that a key means one content for ever."""
    data = packed(binary, database_ca)
    digest = hashlib.sha256(data).hexdigest()
    made = Release(f"releases/{digest[:16]}.tar.gz", digest)
    account.client("s3").put_object(Bucket=bucket(account), Key=made.key, Body=data)
    account.say(f"uploaded {made.key}, {len(data) / 1e6:.1f} MB")
    return made


def for_the_active_colour(account: Account, binary: Path, database_ca: bytes) -> dict[str, str]:
    """The parameters that give a release to the colour that runs, and to both in a first deployment."""
    made = upload_release(account, binary, database_ca)
    active = account.outputs("40-app").get("ActiveColor")
    chosen = ["Blue", "Green"] if active is None else [active.capitalize()]
    return {name: value for color in chosen for name, value in parameters_of(color, made).items()}


def parameters_of(color: str, made: Release) -> dict[str, str]:
    return {f"{color}Release": made.key, f"{color}Sha256": made.sha256}


def check_the_notifier(path: Path) -> None:
    """Refuse a function that Lambda could not start: its system has the hosts' glibc."""
    if not path.is_file():
        raise Refused(f"there is no {path}")
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="roomm8-notifier-") as folder:
            check_that_hosts_run(Path(archive.extract("bootstrap", folder)))
    except (zipfile.BadZipFile, KeyError) as error:
        raise Refused(f"{path} is no zip with a bootstrap in it") from error


def upload_notifier(account: Account, path: Path) -> str:
    """Put the function's zip in the bucket; another content has another key, so the function is updated."""
    data = path.read_bytes()
    key = f"notifier/{hashlib.sha256(data).hexdigest()[:16]}.zip"
    account.client("s3").put_object(Bucket=bucket(account), Key=key, Body=data)
    account.say(f"uploaded {key}")
    return key


def upload_site(account: Account, folder: Path) -> None:
    """Put the site in its bucket; pages are asked for anew each time, files with a digest in their name are not."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not (folder / "index.html").is_file():
        raise Refused(f"{folder} holds no index.html")
    outputs = account.outputs_of("50-web")
    for path in files:
        key = str(path.relative_to(folder))
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        lasts = "no-cache" if path.suffix in (".html", ".json") else "public, max-age=31536000, immutable"
        account.client("s3").put_object(Bucket=outputs["SiteBucket"], Key=key, Body=path.read_bytes(), ContentType=kind, CacheControl=lasts)
    account.client("cloudfront").create_invalidation(
        DistributionId=outputs["DistributionId"],
        InvalidationBatch={
            "Paths": {"Quantity": 1, "Items": ["/*"]},
            "CallerReference": hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest(),
        },
    )
    account.say(f"uploaded {len(files)} files of the site")

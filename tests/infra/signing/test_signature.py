"""`make deploy` accepts only artefacts that the owner of the configured public key signed."""

import calendar
import hashlib
import os
import subprocess
import time
from pathlib import Path

import minisign
import pytest

INFRA = Path(__file__).resolve().parents[3] / "infra"
WORKFLOW = (INFRA.parent / ".github/workflows/release.yml").read_text()

# Made with minisign 0.11: a public key, and the signature of `SUMS_OF_MINISIGN`.
KEY_OF_MINISIGN = """untrusted comment: minisign public key 3FEA4E362D8B85A3
RWSjhYstNk7qPx6Dh6/9j8RiJfF9vNoFb+tFwaLFJSocGDkcqPq46j/w
"""
SIGNATURE_OF_MINISIGN = """untrusted comment: signature from minisign secret key
RUSjhYstNk7qP+LrMuTz4srDrFrQ1QCEmu9Od0seveTM+HX6fJPzo1AWoGIvvEksUggxx9nLsKfMJyZTRrBqDIUWErEwzAg6rgc=
trusted comment: guestpass test
hVDUkGD77WK5+Z9AoZfxFYIGC/nzMSCACg6NOFDdhBFIrdBE5GIh+d7mef2Eht0GbTkJP/xU/ioLwasgfiNSDA==
"""
SUMS_OF_MINISIGN = b"abc  a.zip\n"

PASSWORD = "correct horse"


class Release:
    """Artefacts with checksums, and the keys of the operator."""

    def __init__(self, root: Path):
        self.directory = root / "lambda"
        self.directory.mkdir()
        self.secret_key, self.public_key = write_keys(root, "operator")
        for name in ("issue-access-token.zip", "issue-access-token.cdx.json", "guestpass"):
            (self.directory / name).write_bytes(name.encode() * 10)
        self.write_sums()

    def write_sums(self) -> None:
        files = sorted(path for path in self.directory.iterdir() if not path.name.startswith("SHA256SUMS"))
        lines = [f"{digest(path)}  {path.name}\n" for path in files]
        (self.directory / "SHA256SUMS").write_text("".join(lines))

    def sign(self, key: Path | None = None, password: str = "") -> subprocess.CompletedProcess:
        return run([INFRA / "sign/run", "sign", self.directory], KEY=key or self.secret_key, input=password)

    def check(self, public_key: Path | None = None) -> subprocess.CompletedProcess:
        public_key = public_key or self.public_key
        return run([INFRA / "deploy/run", "check"], ARTEFACTS=self.directory, PUBLIC_KEY=public_key)

    def flip_byte(self, name: str) -> None:
        content = bytearray((self.directory / name).read_bytes())
        content[len(content) // 2] ^= 1
        (self.directory / name).write_bytes(content)


def run(command: list, input: str = "", **variables) -> subprocess.CompletedProcess:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run(command, env=environment, input=input, capture_output=True, text=True)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_keys(root: Path, name: str, password: str = "") -> tuple[Path, Path]:
    """The files of a new secret key, encrypted if there is a password, and of its public key."""
    pair = minisign.KeyPair.generate()
    if password:
        pair.secret_key.encrypt(password)
    secret_key, public_key = root / f"{name}.key", root / f"{name}.pub"
    secret_key.write_bytes(bytes(pair.secret_key) + b"\n")
    public_key.write_bytes(bytes(pair.public_key) + b"\n")
    return secret_key, public_key


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def test_s03_signed_artefacts_are_deployed(release):
    signed = release.sign()
    assert signed.returncode == 0, signed.stderr
    checked = release.check()
    assert checked.returncode == 0, checked.stderr


def test_s03_the_signature_covers_its_time(release):
    before = int(time.time())
    assert release.sign().returncode == 0
    verify = [INFRA / "sign/run", "verify", release.directory, release.public_key]
    at = calendar.timegm(time.strptime(run(verify).stdout.strip(), "%Y-%m-%dT%H:%M:%SZ"))
    assert before <= at <= time.time()
    path = release.directory / "SHA256SUMS.minisig"
    path.write_text(path.read_text().replace(f"timestamp:{at}", f"timestamp:{at + 1}"))
    refused = run(verify)
    assert refused.returncode == 1 and not refused.stdout, refused


def test_s03_unsigned_artefacts_are_not_deployed_if_a_public_key_is_configured(release):
    checked = release.check()
    assert checked.returncode == 1
    assert "SHA256SUMS.minisig is missing" in checked.stderr


def test_s03_the_signature_is_verified_before_anything_is_deployed(release):
    deploy = [INFRA / "deploy/run", "deploy"]
    deployed = run(deploy, ARTEFACTS=release.directory, PUBLIC_KEY=release.public_key)
    assert deployed.returncode == 1
    assert "SHA256SUMS.minisig is missing" in deployed.stderr


def test_s03_changed_artefacts_with_new_checksums_are_not_deployed(release):
    release.sign()
    for name in ["issue-access-token.zip", "issue-access-token.cdx.json"]:
        release.flip_byte(name)
        release.write_sums()
        checked = release.check()
        assert checked.returncode == 1
        assert "is not signed with the key" in checked.stderr
        release.flip_byte(name)


def test_s03_a_changed_signature_is_refused(release):
    release.sign()
    path = release.directory / "SHA256SUMS.minisig"
    lines = path.read_text().splitlines()
    for number, changed in [(1, lines[1].replace(lines[1][40], "x")), (2, "trusted comment: other"), (3, lines[1][:88])]:
        path.write_text("\n".join([*lines[:number], changed, *lines[number + 1 :]]) + "\n")
        checked = release.check()
        assert checked.returncode == 1, number
        assert "is not signed with the key" in checked.stderr


def test_s03_a_signature_of_another_key_is_refused(release, tmp_path):
    another_key, _ = write_keys(tmp_path, "another")
    release.sign(another_key)
    checked = release.check()
    assert checked.returncode == 1
    assert "is not signed with the key" in checked.stderr


def test_a_public_key_that_is_missing_or_invalid_is_refused(release, tmp_path):
    release.sign()
    (tmp_path / "invalid.pub").write_text("no key")
    for name in ["missing.pub", "invalid.pub"]:
        checked = release.check(tmp_path / name)
        assert checked.returncode == 1
        assert f"the public key in {tmp_path / name} is not usable" in checked.stderr


def test_a_zip_without_a_checksum_is_not_deployed(release):
    release.sign()
    (release.directory / "other.zip").write_bytes(b"other")
    checked = release.check()
    assert checked.returncode == 1
    assert "other.zip" in checked.stderr


def test_a_machine_without_rust_signs_and_checks(release, tmp_path, monkeypatch):
    (cargo := tmp_path / "bin/cargo").parent.mkdir()
    cargo.write_text("#!/bin/sh\nexit 1\n")
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", str(cargo.parent), prepend=os.pathsep)
    signed = release.sign()
    assert signed.returncode == 0, signed
    checked = release.check()
    assert checked.returncode == 0, checked


def test_changed_artefacts_are_not_signed(release):
    release.flip_byte("guestpass")
    signed = release.sign()
    assert signed.returncode == 1
    assert "do not match their SHA256SUMS" in signed.stderr
    assert not (release.directory / "SHA256SUMS.minisig").exists()


def test_an_encrypted_key_signs_with_its_password_only(release, tmp_path):
    key, public_key = write_keys(tmp_path, "encrypted", PASSWORD)
    refused = release.sign(key, "wrong\n")
    assert refused.returncode == 1
    assert "wrong password" in refused.stderr
    signed = release.sign(key, f"{PASSWORD}\n")
    assert signed.returncode == 0, signed.stderr
    assert PASSWORD not in signed.stdout + signed.stderr
    assert release.check(public_key).returncode == 0


def test_s03_the_functions_of_a_release_are_deployed_after_they_are_unpacked(release, tmp_path):
    # As the workflow does.
    assert "infra/build/pack target/lambda" in WORKFLOW and "infra/sign/release release" in WORKFLOW
    key, public_key = write_keys(tmp_path, "maintainer", PASSWORD)
    published = tmp_path / "release"
    published.mkdir()
    for arch in ["arm64", "x86_64"]:
        assert run([INFRA / "build/pack", release.directory, published / f"functions-{arch}.tgz"]).returncode == 0
    (published / "guestpass.zip").write_bytes(b"guestpass")
    names = sorted(path.name for path in published.iterdir())
    (published / "SHA256SUMS").write_text("".join(f"{digest(published / name)}  {name}\n" for name in names))
    sign = [INFRA / "sign/release", published]
    refused = run(sign, KEY=key, input="wrong\n")
    assert refused.returncode == 1 and "wrong password" in refused.stderr, refused
    signed = run(sign, KEY=key, input=f"{PASSWORD}\n")
    assert signed.returncode == 0 and PASSWORD not in signed.stdout + signed.stderr, signed

    # As infra/README.md says.
    assert run([INFRA / "sign/run", "verify", published, public_key]).returncode == 0
    sums = dict(reversed(line.split("  ")) for line in (published / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: digest(published / name) for name in names}
    for arch in ["arm64", "x86_64"]:
        unpacked = tmp_path / arch
        unpacked.mkdir()
        subprocess.run(["tar", "-xzf", published / f"functions-{arch}.tgz", "-C", unpacked], check=True)
        checked = run([INFRA / "deploy/run", "check"], ARTEFACTS=unpacked, PUBLIC_KEY=public_key)
        assert checked.returncode == 0, checked.stderr


def test_a_changed_archive_of_a_release_is_not_signed(release, tmp_path):
    (release.directory / "functions-arm64.tgz").write_bytes(b"changed")
    release.write_sums()
    release.flip_byte("functions-arm64.tgz")
    signed = run([INFRA / "sign/release", release.directory], KEY=release.secret_key)
    assert signed.returncode == 1 and "functions-arm64.tgz: FAILED" in signed.stdout, signed
    assert not (release.directory / "SHA256SUMS.minisig").exists()


def test_signing_without_a_key_says_how_to_make_one(release):
    signed = run([INFRA / "sign/run", "sign", release.directory], KEY="")
    assert signed.returncode == 1
    assert "missing KEY" in signed.stderr


def test_a_signature_made_with_minisign_is_accepted(tmp_path):
    (tmp_path / "minisign.pub").write_text(KEY_OF_MINISIGN)
    (tmp_path / "SHA256SUMS").write_bytes(SUMS_OF_MINISIGN)
    (tmp_path / "SHA256SUMS.minisig").write_text(SIGNATURE_OF_MINISIGN)
    verify = [INFRA / "sign/run", "verify", tmp_path, tmp_path / "minisign.pub"]
    verified = run(verify)
    assert verified.returncode == 0, verified.stderr
    (tmp_path / "SHA256SUMS").write_bytes(SUMS_OF_MINISIGN.upper())
    assert run(verify).returncode == 1

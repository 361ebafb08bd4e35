"""nginx and Caddy before a bot, with TLS, by the files that docs/operations.md shows."""

import datetime as dt
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ports import find_free_port, is_answering

GUIDE: Final = Path(__file__).parent.parent.parent / "docs" / "operations.md"

_NGINX: Final = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
_CADDY: Final = "{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A certificate for 127.0.0.1, its key, and who trusts it."""

    certificate: Path
    key: Path
    trust: ssl.SSLContext


def make_tls(folder: Path) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "bot.pem", folder / "bot.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Tls(certificate=certificate, key=private, trust=ssl.create_default_context(cafile=str(certificate)))


def read_site(program: str, *, bot: int, port: int, tls: Tls) -> str:
    """The guide's file for a program, with the ports and the certificate of the test."""
    found = re.search(rf"^{program}:\n\n```text\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None, program
    changes: dict[str, list[tuple[str, str]]] = {
        "nginx": [
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("/etc/ssl/bot.example.com.pem", str(tls.certificate)),
            ("/etc/ssl/bot.example.com.key", str(tls.key)),
        ],
        "Caddy": [("bot.example.com {", f"https://127.0.0.1:{port} {{\n    tls {tls.certificate} {tls.key}")],
    }
    site = found[1]
    for old, new in [*changes[program], ("127.0.0.1:3000", f"127.0.0.1:{bot}")]:
        assert old in site, f"{program}: the guide has no {old!r}"
        site = site.replace(old, new)
    return site


@contextmanager
def run_proxy(program: str, folder: Path, *, bot: int) -> Iterator[tuple[str, Tls]]:
    """The address of a proxy before the bot's port. Skips where the program is not installed."""
    name, template, build = _PROGRAMS[program]
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if path is None:
        pytest.skip(f"no {name} is installed here: apt-get install {name}")
    tls, port = make_tls(folder), find_free_port()
    file = folder / f"{name}.conf"
    site = read_site(program, bot=bot, port=port, tls=tls)
    file.write_text(template.format(folder=folder, site=site), encoding="utf-8")
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [path, *build(file, folder)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)},
        )
    try:
        while not is_answering(port):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.01)
        yield f"https://127.0.0.1:{port}", tls
    finally:
        process.kill()
        process.wait()


_PROGRAMS: Final[dict[str, tuple[str, str, Callable[[Path, Path], list[str]]]]] = {
    "nginx": ("nginx", _NGINX, lambda file, folder: ["-p", str(folder), "-e", "stderr", "-c", str(file)]),
    "Caddy": ("caddy", _CADDY, lambda file, _: ["run", "--adapter", "caddyfile", "--config", str(file)]),
}

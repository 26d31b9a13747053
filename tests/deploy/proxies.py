"""nginx and Caddy as deploy/ configures them, in front of a service; only names, ports and certificates are others."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "tags.example.org"


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that signs itself, and its key."""

    path: Path
    key: Path


def made_certificate(openssl: str, folder: Path) -> Certificate:
    """Make a certificate."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    options = f"-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={NAME}".split()
    names, files = ["-addext", "subjectAltName=IP:127.0.0.1"], ["-out", str(made.path), "-keyout", str(made.key)]
    subprocess.run([openssl, "req", "-x509", *options, *names, *files], check=True, capture_output=True)
    return made


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        address: where it answers over TLS.
        plain: where nginx answers without.
    """

    address: str
    plain: str = ""


@contextmanager
def nginx(program: str, service: str, certificate: Certificate, folder: Path) -> Iterator[Proxy]:
    """Run nginx in front of a service."""
    port, plain = free_port(), free_port()
    text = (DEPLOY / "nginx" / "tagdesk.conf").read_text(encoding="utf-8")
    text = re.sub(r"listen \[::\].*\n", "", text)
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ").replace("listen 80;", f"listen 127.0.0.1:{plain};")
    text = text.replace("server 127.0.0.1:8080;", f"server {service.removeprefix('http://')};")
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", str(certificate.path), text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", str(certificate.key), text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are for nobody else
    path = folder / "nginx.conf"
    path.write_text(
        f"{user}\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
    )
    with _running([program, "-c", str(path), "-p", str(folder)], port, os.environ):
        yield Proxy(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{plain}")


@contextmanager
def caddy(program: str, service: str, certificate: Certificate, folder: Path) -> Iterator[Proxy]:
    """Run Caddy in front of a service."""
    port = free_port()
    text = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    text = text.replace("{\n\tservers", "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers", 1)
    tls = f"https://127.0.0.1:{port} {{\n\ttls {certificate.path} {certificate.key}"
    text = text.replace(f"{NAME} {{", tls).replace("127.0.0.1:8080", service.removeprefix("http://"))
    path = folder / "Caddyfile"
    path.write_text(text)
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with _running([program, "run", "--config", str(path), "--adapter", "caddyfile"], port, os.environ | homes):
        yield Proxy(f"https://127.0.0.1:{port}")


@contextmanager
def _running(command: list[str], port: int, environment: "os._Environ[str] | dict[str, str]") -> Iterator[None]:
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not _listens(port):
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port

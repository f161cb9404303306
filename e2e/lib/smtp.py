"""A real SMTP server for the walks: STARTTLS and AUTH demanded, each mail kept as a line of JSON.

Makes its own certificate authority on start, prints `CA <file>` and `READY <port>`, and ends when its
standard input closes, so that it never outlives the test that started it.
"""

import asyncio
import email
import email.policy
import hmac
import json
import logging
import ssl
import subprocess
import sys
import warnings
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# A leaf apart from its authority: rustls refuses an authority's certificate as a server's.
OPENSSL_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Warifu test mail
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


def make_certificates(directory: Path) -> ssl.SSLContext:
    """Writes ca.pem, cert.pem and key.pem, and gives a context that serves with them."""
    config = directory / "openssl.cnf"
    config.write_text(OPENSSL_CONFIG)
    common = ["openssl", "req", "-x509", "-config", str(config), "-days", "2", "-noenc"]
    common += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

    def request(section: str, key: str, certificate: str, *more: str) -> None:
        files = ["-keyout", str(directory / key), "-out", str(directory / certificate)]
        command = [*common, "-extensions", section, *files, *more]
        subprocess.run(command, check=True, capture_output=True)

    request("authority", "ca.key", "ca.pem")
    authority = ["-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca.key")]
    request("server", "key.pem", "cert.pem", *authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


class Post:
    """Keeps each mail, or behaves as badly as the file `mode` says: accept, refuse4xx or drop."""

    def __init__(self, directory: Path) -> None:
        self.mode_file = directory / "mode"
        self.mails_file = directory / "mails.jsonl"
        self.mails_file.touch()

    def mode(self) -> str:
        mode = self.mode_file.read_text().strip() if self.mode_file.exists() else "accept"
        if mode not in ("accept", "refuse4xx", "drop"):
            sys.exit(f"unknown mode in {self.mode_file}: {mode}")
        return mode

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        mode = self.mode()
        if mode == "refuse4xx":
            return "451 4.3.0 try again later"
        if mode == "drop":
            server.transport.abort()
            return "421 4.3.2 never heard"
        line = json.dumps(describe(envelope), ensure_ascii=False)
        with self.mails_file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return "250 2.0.0 kept"


def describe(envelope) -> dict:
    """The envelope as it came, and the message decoded."""
    message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    part = message.get_body(("plain",))
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "subject": str(message["Subject"] or ""),
        "body": part.get_content().replace("\r\n", "\n") if part else "",
        "message_id": str(message["Message-ID"] or ""),
        "headers": {name.lower(): str(value) for name, value in message.items()},
    }


def authenticator(user: str, password: str):
    def check(server, session, envelope, mechanism, data) -> AuthResult:
        known = (
            isinstance(data, LoginPassword)
            and hmac.compare_digest(data.login, user.encode())
            and hmac.compare_digest(data.password, password.encode())
        )
        return AuthResult(success=known, handled=False)

    return check


async def serve(directory: Path, user: str, password: str) -> None:
    context = make_certificates(directory)
    post = Post(directory)
    check = authenticator(user, password)

    def connection() -> SMTP:
        return SMTP(
            post,
            hostname="localhost",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=check,
            enable_SMTPUTF8=True,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0)
    print(f"CA {directory / 'ca.pem'}", flush=True)
    print(f"READY {server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    # aiosmtpd warns of its own future at each login; a walk's output is for the walk.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="aiosmtpd")
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    if len(sys.argv) != 4:
        sys.exit("usage: smtp.py DIRECTORY USER PASSWORD")
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))

"""A real SMTP server for the tests of mail/transport.rs, on aiosmtpd.

Speaks JSON lines on standard output: first {"port": n}; then each mail it takes, decoded by
Python's own library; and at the end of each connection every byte the client sent, apart for
before and after TLS. Ends when its standard input ends. Some recipients are special:
busy@ and full@ are put off (at RCPT, at DATA), unknown@ and spam@ refused, slow@ is never answered,
and mute@ is served, but its QUIT is not answered.
"""

import argparse
import asyncio
import email
import email.header
import email.policy
import email.utils
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**event):
    print(json.dumps(event), flush=True)


class Recorder(SMTP):
    """Keeps what arrived before TLS apart from what arrived inside it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.clear, self.sealed = b"", b""

    def data_received(self, data):
        if self.transport.get_extra_info("ssl_object"):
            self.sealed += data
        else:
            self.clear += data
        super().data_received(data)

    def connection_lost(self, error):
        tell(event="closed", clear=self.clear.decode(), sealed=self.sealed.decode())
        super().connection_lost(error)

    async def smtp_QUIT(self, arg):
        if getattr(self.session, "mute", False):
            await asyncio.sleep(3600)
        await super().smtp_QUIT(arg)


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.partition("@")[0]
        if local == "busy":
            return f"451 4.7.1 {address} greylisted, come again"
        if local == "unknown":
            return f"550 5.1.1 {address}: no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        local = envelope.rcpt_tos[0].partition("@")[0]
        if local == "full":
            return "452 4.2.2 mailbox full"
        if local == "spam":
            return "554 5.7.1 the text looks like spam"
        if local == "slow":
            await asyncio.sleep(3600)
        session.mute = local == "mute"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        # The plain parser: the newer one leaves blanks between encoded words of a name.
        name, sender = email.utils.parseaddr(email.message_from_bytes(envelope.content)["From"])
        tell(
            event="mail",
            envelope_from=envelope.mail_from,
            envelope_to=envelope.rcpt_tos,
            user=session.auth_data,
            from_name=str(email.header.make_header(email.header.decode_header(name))),
            from_address=sender,
            subject=message["Subject"],
            headers=[[name, str(value)] for name, value in message.items()],
            charset=message.get_content_charset(),
            body=message.get_payload(decode=True).decode("utf-8"),
            raw=envelope.content.decode("ascii"),
        )
        return "250 OK"


async def serve(options):
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)

    def check(server, session, envelope, mechanism, login):
        given = f"{login.login.decode()}:{login.password.decode()}"
        return AuthResult(
            success=given == options.auth, handled=False, auth_data=login.login.decode()
        )

    def connection():
        return Recorder(
            Mailbox(),
            tls_context=None if options.implicit else context,
            require_starttls=bool(context) and not options.implicit,
            authenticator=check if options.auth else None,
            auth_required=bool(options.auth),
            auth_require_tls=not options.implicit,
        )

    loop = asyncio.get_running_loop()
    tls = context if options.implicit else None
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=tls)
    tell(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    # Refused handshakes are what some tests want; they are no news.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--auth", metavar="USER:PASSWORD")
    asyncio.run(serve(parser.parse_args()))

"""The way to the internet that functions have: a proxy on loopback that knows one destination.

It ends TLS with certificates of an authority made at start, so that a pre-signed CloudFormation URL can be called as
it is. Any other host is refused and noted.
"""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

# Takes an absolute URL, headers and body; returns the status to answer with.
Receive = Callable[[str, "Mapping[str, str]", bytes], int]
# How often the server looks whether it is to stop.
POLL_SECONDS = 0.05
_VALID = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


class CertificateAuthority:
    """Signs a certificate for each host that is asked for."""

    def __init__(self, folder: Path) -> None:
        self.certificate_file = folder / "authority.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Rehearsal")
        self._contexts: dict[str, ssl.SSLContext] = {}
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """Server-side TLS for a host."""
        if host not in self._contexts:
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = (
                self._builder(_name("Rehearsal host"), key.public_key())
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
                )
                .sign(self._key, hashes.SHA256())
            )
            file = self._folder / f"host-{len(self._contexts)}.pem"
            file.write_bytes(
                certificate.public_bytes(serialization.Encoding.PEM)
                + key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            self._contexts[host] = context
        return self._contexts[host]

    def _builder(self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_VALID[0])
            .not_valid_after(_VALID[1])
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


class Proxy:
    """An HTTPS proxy for the hosts that `admits` says yes to."""

    def __init__(self, folder: Path, *, admits: Callable[[str], bool], receive: Receive) -> None:
        self.authority = CertificateAuthority(folder)
        self.refused: list[str] = []
        outer = self

        class Connection(BaseHTTPRequestHandler):
            # A client must not wait for us for ever, nor we for a client.
            timeout = 10

            def do_CONNECT(self) -> None:
                host = self.path.rsplit(":", 1)[0]
                if not admits(f"https://{host}/"):
                    outer.refused.append(host)
                    self.send_error(HTTPStatus.FORBIDDEN)
                    return
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with outer.authority.context(host).wrap_socket(self.connection, server_side=True) as secured:
                    Inner(secured, self.client_address, host)
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - named by the base class

        class Inner(BaseHTTPRequestHandler):
            timeout = 10

            def __init__(self, connection: socket.socket, address: Any, host: str) -> None:
                self._host = host
                super().__init__(connection, address, outer._server)

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receive(f"https://{self._host}{self.path}", dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - named by the base class

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Connection)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="proxy", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

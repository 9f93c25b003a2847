"""How TLS is spoken, and how the certificate is exchanged while connections go on."""

from __future__ import annotations

import ssl

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret and authenticated ones. TLS 1.3 has no others."""


def hardened_context() -> ssl.SSLContext:
    """A server's settings: TLS 1.2 and up, no renegotiation, no compression."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    return context


class CertificateSwitch:
    """The context to listen with; what it shows to new connections can be exchanged.

    A context whose certificate is changed in place would keep half of a pair that turns out not
    to fit. So each certificate comes in a context of its own, which is put in while a connection
    is being made. Connections that stand are not touched.
    """

    def __init__(self) -> None:
        self.context = hardened_context()
        self.context.sni_callback = self._choose
        self._current: ssl.SSLContext | None = None

    @property
    def has_certificate(self) -> bool:
        return self._current is not None

    def use(self, context: ssl.SSLContext) -> None:
        """Shows this context's certificate from the next connection on."""
        self._current = context

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _own: ssl.SSLContext
    ) -> int | None:
        """Called for every connection, also from clients that name no server."""
        if self._current is None:
            return int(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = self._current
        return None

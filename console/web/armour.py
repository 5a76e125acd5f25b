"""What is around every page of the board: headers that forbid, and a bound on how much one client may ask."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from workers.errors import ConfigurationInvalid
from workers.prosecution.links.armour import Armour, Pace

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing of others. A page that needs a script has it as a file, and is readable without."""

Networks = Sequence[IPv4Network | IPv6Network]


def armoured(app: ASGIApp, *, secure: bool, fronts: str = "") -> ASGIApp:
    """The application within its armour.

    Args:
        secure: whether people come by https: then browsers are told to insist on it.
        fronts: addresses or networks, by blank, of the fronts that are believed who asks them.

    Raises:
        ConfigurationInvalid: one of them is no address.
    """
    return Fronted(Armour(app, secure=secure, pace=Pace(), policy=POLICY), networks(fronts))


def networks(fronts: str) -> Networks:
    """The fronts of the setting.

    Raises:
        ConfigurationInvalid: one of them is no address.
    """
    try:
        return [ip_network(front) for front in fronts.split()]
    except ValueError as odd:
        raise ConfigurationInvalid(f"board_fronts: {odd}; expected addresses or networks, by blank") from odd


def address_of(peer: str, forwarded: Sequence[str], fronts: Networks) -> str:
    """Who asks: the peer, or where it is a front of ours, whoever the front says, the last one that is no front.

    Args:
        peer: address of whoever opened the connection.
        forwarded: values of X-Forwarded-For; what stands before the last stranger may be forged.
    """
    named = [name.strip() for value in forwarded for name in value.split(",")]
    while named and _is_one_of(peer, fronts):
        peer = named.pop()
    return peer


def _is_one_of(address: str, fronts: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in fronts)


class Fronted:
    """Puts the address of whoever asks in the place of the front's, so that each client is counted for itself."""

    def __init__(self, app: ASGIApp, fronts: Networks) -> None:
        self._app = app
        self._fronts = fronts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._fronts and scope["type"] == "http" and scope.get("client"):
            peer, port = scope["client"]
            forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            scope = {**scope, "client": (address_of(peer, forwarded, self._fronts), port)}
        await self._app(scope, receive, send)

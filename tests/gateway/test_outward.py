"""Requests that a stranger has addressed go out into the internet, and nowhere inside."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import aiohttp
import pytest

from gateway.outward import Outward, guarded_connector, refused

INSIDE = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "192.0.0.192",
    "192.88.99.1",
    "fec0::1",
    "3fff::1",
    "::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_connected_to(address: str) -> None:
    assert not Outward().permits(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::6810:84e5", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_internet_is(address: str) -> None:
    assert Outward().permits(address)


def test_a_network_that_the_settings_allow_is_reached() -> None:
    outward = Outward([ip_network("10.1.0.0/16")])
    assert outward.permits("10.1.2.3")
    assert outward.permits("::ffff:10.1.2.3")
    assert not outward.permits("10.2.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "http://93.184.215.14/x",
    ],
)
def test_such_an_address_is_refused_before_anything_is_sent(url: str) -> None:
    assert Outward().refuses(url) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_name_that_leads_inside_leads_nowhere(host: str) -> None:
    """It is looked at when the socket is made, whatever was thought of it before."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    async with aiohttp.ClientSession(connector=guarded_connector(Outward())) as http:
        with pytest.raises((aiohttp.ClientError, OSError)) as raised:
            await http.post(f"http://{host}:{port}/", data=b"x")
    assert refused(raised.value) is not None
    listening.settimeout(0)
    with pytest.raises(BlockingIOError):
        listening.accept()
    listening.close()

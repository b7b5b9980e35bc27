"""A real Postfix for the tests: a configuration, a queue and a spool of its own, on loopback ports of its own.

Its master wants to be root; elsewhere the tests that need it say so and are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.given import missing

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.shop.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
virtual_mailbox_domains = shop.example, example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:everybody/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{nobody@example.org = 550 5.1.1 no such user}}, \
{{full@example.org = 452 4.2.2 mailbox full}} }}, permit
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = may
message_size_limit = 200000
smtpd_client_connection_count_limit = 0
alias_maps =
local_recipient_maps =
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


class Postfix:
    """One Postfix. What it delivers lies in `mails()`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rapport-postfix-"))
        self.port, self.tls_port = _free_ports(2)
        self.certificate = self.folder / "certificate.pem"
        self._configuration = self.folder / "etc"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, certificate: bytes, key: bytes) -> Postfix:
        """Start one that shows this certificate (PEM); skips where that is impossible."""
        if shutil.which("postfix", path=_PATH) is None:
            missing("Postfix is not installed (apt install postfix)")
        if os.geteuid() != 0:
            missing("Postfix's master process starts as root alone")
        server = cls()
        server._furnish(certificate, key)
        server._start()
        return server

    def mails(self) -> list[bytes]:
        """What was delivered so far."""
        return [path.read_bytes() for path in sorted((self.folder / "mail").glob("everybody/new/*"))]

    def remove(self) -> None:
        if self._process is not None:
            self._process.terminate()  # the master takes its children with it
            self._process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _furnish(self, certificate: bytes, key: bytes) -> None:
        postfix = pwd.getpwnam("postfix")
        self.folder.chmod(0o755)
        for name, owner in (("etc", 0), ("queue", 0), ("data", postfix.pw_uid), ("mail", postfix.pw_uid), ("log", 0)):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, owner, postfix.pw_gid if owner else 0)
        self.certificate.write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        (self.folder / "key.pem").chmod(0o600)
        main = MAIN.format(folder=self.folder, uid=postfix.pw_uid, gid=postfix.pw_gid)
        (self._configuration / "main.cf").write_text(main)
        (self._configuration / "master.cf").write_text(MASTER.format(port=self.port, tls=self.tls_port))

    def _start(self) -> None:
        made = subprocess.run(
            ["postfix", "-c", self._configuration, "check"], env={"PATH": _PATH}, capture_output=True, check=False
        )
        if made.returncode:
            raise RuntimeError(f"Postfix finds itself misconfigured: {made.stderr.decode()} {self._log()}")
        setpriv = shutil.which("setpriv")
        # Tests are killed at times; a server must not stay behind. Linux alone can promise it.
        dying = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        self._process = subprocess.Popen(
            [*dying, _MASTER, "-c", self._configuration, "-d"],
            env={"PATH": _PATH},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2) as probe:
                    if probe.recv(4) == b"220 ":
                        return
            except OSError:
                pass
            if time.monotonic() > end or self._process.poll() is not None:
                log = self._log()
                self.remove()
                raise RuntimeError(f"Postfix does not start: {log}")
            time.sleep(0.02)

    def _log(self) -> str:
        log = self.folder / "log" / "maillog"
        return log.read_text() if log.exists() else "no log"


_MASTER = "/usr/lib/postfix/sbin/master"
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()

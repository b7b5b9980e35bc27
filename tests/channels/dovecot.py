"""A real Dovecot for the tests: its own configuration, folders and loopback ports; root or not."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from imaplib import IMAP4, Time2Internaldate
from pathlib import Path

from tests.channels.certificates import certificate as certificate_and_key
from tests.given import missing
from tests.ports import free_port

PASSWORD = "loopback-password"
TOKEN = "loopback-token"


@dataclass
class Dovecot:
    """One server; a user is anybody with the password, and gets a mailbox when first seen."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rapport-dovecot-")))
    capability: str | None = None
    """What the server says it can do, where a test wants it poorer than it is."""
    port: int = 0
    tls_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, *, capability: str | None = None) -> Dovecot:
        """Start one; skips where Dovecot is not installed."""
        if _binary() is None:
            missing("Dovecot is not installed (apt install dovecot-imapd)")
        server = cls(capability=capability)
        server.port, server.tls_port = free_port(), free_port()
        _furnish(server.folder)
        server.start()
        return server

    @property
    def certificate(self) -> str:
        return str(self.folder / "certificate.pem")

    def start(self) -> None:
        (self.folder / "mail").mkdir(exist_ok=True)
        (self.folder / "dovecot.conf").write_text(self._configuration())
        self._give(self.folder, *self.folder.rglob("*"))
        self.folder.chmod(0o755)
        with (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [_binary() or "", "-F", "-c", str(self.folder / "dovecot.conf")],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        end = time.monotonic() + 20
        while True:
            try:
                self.client("nobody").logout()
                return
            except (OSError, IMAP4.error):
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > end:
                    said = (self.folder / "errors").read_text() + self._log()
                    raise RuntimeError(f"Dovecot does not start: {said}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=1)
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, user: str) -> IMAP4:
        """Somebody else at the same mailbox: the tests' own hands."""
        client = IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(user, PASSWORD)
        return client

    def deliver(self, user: str, *mails: bytes, arrived: datetime | None = None, folder: str = "INBOX") -> None:
        """Mails arrive, as if by a mail server."""
        client = self.client(user)
        when = Time2Internaldate((arrived or datetime.now(UTC)).timestamp())
        for mail in mails:
            typ, said = client.append(folder, "", when, mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            assert typ == "OK", said
        client.logout()

    def pour(self, user: str, mails: Iterable[bytes]) -> int:
        """Thousands at once: straight into the Maildir, where the server finds them; how many."""
        new = self.folder / "mail" / user / "new"
        for name in ("cur", "new", "tmp"):
            (new.parent / name).mkdir(parents=True, exist_ok=True)
        self._give(new.parent, *new.parent.iterdir())
        count = 0
        for count, mail in enumerate(mails, 1):
            path = new / f"1700000000.M{count:08d}P1.loopback"
            path.write_bytes(mail)
            self._give(path)
        return count

    def _give(self, *paths: Path) -> None:
        """To whom the server runs as."""
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, self._account().pw_uid, self._account().pw_gid, follow_symlinks=False)

    def flags(self, user: str, folder: str = "INBOX") -> list[str]:
        """Each mail's flags, in order."""
        client = self.client(user)
        _, (exists, *_) = client.select(folder, readonly=True)
        found = client.fetch("1:*", "(FLAGS)")[1] if exists != b"0" else []
        client.logout()
        return [line.decode() for line in found if isinstance(line, bytes)]

    def jump(self, user: str, uid: int) -> None:
        """The next mail gets this UID."""
        self._doveadm("mailbox", "update", "-u", user, "--min-next-uid", str(uid), "INBOX")

    def _doveadm(self, *arguments: str) -> None:
        doveadm = str(Path(_binary() or "").with_name("doveadm").resolve())
        doveadm = doveadm if Path(doveadm).exists() else shutil.which("doveadm") or doveadm
        done = subprocess.run(
            [doveadm, "-c", str(self.folder / "dovecot.conf"), *arguments], capture_output=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stderr.decode()

    def renew(self, user: str) -> None:
        """The mailbox is made anew from its mails, with another UIDVALIDITY, as a migration or a repair does."""
        box = self.folder / "mail" / user
        for name in box.glob("dovecot*"):
            name.unlink()
        uidlist = box / "dovecot-uidlist"
        uidlist.write_text(f"3 V{int(time.time()) + 1000} N1\n")
        self._give(uidlist)

    def kick(self) -> None:
        """Every connection is lost, as when a server is restarted."""
        self.stop()
        self.start()

    def _account(self) -> pwd.struct_passwd:
        return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())

    def _group(self) -> str:
        import grp

        return grp.getgrgid(self._account().pw_gid).gr_name

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "log").read_text()[-2000:]
        return ""

    def _configuration(self) -> str:
        user, group = self._account().pw_name, self._group()
        capability = f"imap_capability = {self.capability}\n" if self.capability else ""
        return f"""
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = {self.folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.folder}/certificate.pem
ssl_key = <{self.folder}/key.pem
ssl_client_ca_dir =
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
mail_home = {self.folder}/mail/%n
mail_location = maildir:{self.folder}/mail/%n
mail_max_userip_connections = 100
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = 1 secs
{capability}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={self.folder}/mail/%n
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
  }}
}}
service stats {{
  chroot =
}}
"""


def _furnish(folder: Path) -> None:
    certificate, key = certificate_and_key()
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)


def is_installed() -> bool:
    return _binary() is not None


def _binary() -> str | None:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

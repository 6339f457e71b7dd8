"""
Other people's mail servers, for bounces as the Internet makes them. Each takes all mail for a
domain of its own, passes it on to a next hop (see next_hop.py), and sends mail for the sandbox's
domain to the sandbox's port 25: its bounces.
"""

import os
import subprocess

from name_server import NameServer
from next_hop import SmtpServer
from unpacked import Server, run


class ForeignServer(Server):
    """options is text for its configuration, in its own language."""

    def __init__(self, root, cache, domain, mx_port, next_port, options=""):
        super().__init__(root, cache)
        self.domain, self.mx_port, self.next_port = domain, mx_port, next_port
        self.options = options

    @property
    def hostname(self):
        return f"mx.{self.domain}"


class Exim(ForeignServer):
    """
    unmailable@ is unknown here, pipe@ is a program that fails, team@ is three people, and mail to
    inline@ is refused as if a program on that server had written it: Exim's answer to that is no
    report, but a text that ends with the message.
    """

    packages = ["exim4-daemon-light", "exim4-base"]
    users = ["Debian-exim"]

    def configure(self):
        for folder in "var/spool/exim4", "var/log/exim4":
            self.make_folder(folder, "Debian-exim")
        self.write("etc/exim4/exim4.conf", f"""\
primary_hostname = {self.hostname}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
tls_advertise_hosts =
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
host_lookup =
acl_smtp_rcpt = take_all
acl_not_smtp = refuse_local
keep_environment =
{self.options}
begin acl
take_all:
  accept
refuse_local:
  deny message = this message looks like spam
    condition = ${{if match {{$recipients}}{{^refused}}}}
  accept

begin routers
sandbox:
  driver = manualroute
  domains = example.test
  transport = sandbox
  route_list = * 127.0.0.1
  self = send
unmailable:
  driver = redirect
  local_parts = unmailable
  allow_fail
  data = :fail: Unrouteable address
pipe:
  driver = accept
  local_parts = pipe
  transport = pipe
inline:
  driver = accept
  local_parts = inline
  transport = inline
team:
  driver = redirect
  local_parts = team
  data = nobody@$domain, full@$domain, friend@$domain
next_hop:
  driver = manualroute
  transport = next_hop
  route_list = * 127.0.0.1
  self = send

begin transports
sandbox:
  driver = smtp
  port = {self.mx_port}
  allow_localhost
  hosts_try_fastopen =
next_hop:
  driver = smtp
  port = {self.next_port}
  allow_localhost
  hosts_try_fastopen =
pipe:
  driver = pipe
  command = /bin/sh -c "echo the program does not know this user; exit 67"
  user = nobody
  return_fail_output

inline:
  driver = pipe
  command = /bin/sh -c '/usr/sbin/exim4 -oi -oem -f "\\$SENDER" -bm refused@{self.domain}; exit 0'
  user = Debian-exim

begin retry
*  *  F,1h,1s
""")

    def command(self):
        return ["/usr/sbin/exim4", "-bdf", "-q1s"]


class OpenSmtpd(ForeignServer):
    """Its configuration has no word about bounces but when they warn."""

    packages = ["opensmtpd"]
    users = ["opensmtpd", "opensmtpq"]

    def configure(self):
        self.make_folder("var/lib/opensmtpd/empty")
        self.make_folder("var/spool/smtpd", mode=0o711)
        self.write("etc/smtpd.conf", f"""\
listen on 127.0.0.1 port {self.port} hostname {self.hostname}
{self.options}
action sandbox relay host smtp+notls://127.0.0.1:{self.mx_port}
action next_hop relay host smtp+notls://127.0.0.1:{self.next_port}
match from any for domain example.test action sandbox
match from any for domain {self.domain} action next_hop
""")

    def command(self):
        return ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]


class Sendmail(ForeignServer):
    """options are in m4. pipe@ is a program that fails."""

    packages = ["sendmail-bin", "sendmail-base", "sendmail-cf"]
    users = ["smmta", "smmsp"]

    def configure(self):
        self.make_folder("etc/mail")
        self.make_folder("var/spool/mqueue", mode=0o700)
        self.make_folder("var/lib/sendmail")
        self.write("etc/mail/service.switch", "passwd files\nhosts files\naliases files\n")
        self.write("etc/mail/failing", "#!/bin/sh\nexit 67\n", mode=0o755)
        self.write("etc/mail/sendmail.mc", f"""\
OSTYPE(`linux')
define(`confDOMAIN_NAME', `{self.hostname}')
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')
define(`confPID_FILE', `/run/sendmail.pid')
define(`confCW_FILE', `-o /etc/mail/local-host-names')
define(`confCT_FILE', `-o /etc/mail/trusted-users')
define(`confCR_FILE', `-o /etc/mail/relay-domains')
define(`ALIAS_FILE', `')
define(`confTO_IDENT', `0')
define(`confDEF_USER_ID', `mail:mail')
define(`confMIN_QUEUE_AGE', `0')
define(`confLOG_LEVEL', `0')
define(`RELAY_MAILER_ARGS', `TCP $h {self.next_port}')
define(`ESMTP_MAILER_ARGS', `TCP $h {self.mx_port}')
{self.options}
FEATURE(`nocanonify')
FEATURE(`no_default_msa')
FEATURE(`accept_unresolvable_domains')
RELAY_DOMAIN(`{self.domain} example.test')
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={self.port}')
MAILER(`local')
MAILER(`smtp')
MAILER_DEFINITIONS
Mfailing, P=/etc/mail/failing, F=lsDFMu, T=DNS/RFC822/X-Unix, A=failing $u
LOCAL_RULE_0
Rpipe < @ {self.domain} . > $*\t$#failing $@ {self.domain} $: pipe
Rpipe < @ {self.domain} > $*\t$#failing $@ {self.domain} $: pipe
R$* < @ {self.domain} . > $*\t$#relay $@ [127.0.0.1] $: $1 < @ {self.domain} >
R$* < @ {self.domain} > $*\t$#relay $@ [127.0.0.1] $: $1 < @ {self.domain} >
R$* < @ example.test . > $*\t$#esmtp $@ [127.0.0.1] $: $1 < @ example.test >
R$* < @ example.test > $*\t$#esmtp $@ [127.0.0.1] $: $1 < @ example.test >
""")
        cf = "usr/share/sendmail/cf"
        self.write("etc/mail/sendmail.cf", run(
            "m4", f"-D_CF_DIR_={self.root}/{cf}/", f"{self.root}/{cf}/m4/cf.m4",
            f"{self.root}/etc/mail/sendmail.mc"))

    def command(self):
        return ["/usr/libexec/sendmail/sendmail", "-C/etc/mail/sendmail.cf", "-bD", "-q1s"]


class Injection(SmtpServer):
    """The SMTP server in front of a server that knows sendmail(1) alone."""

    def __init__(self, server):
        super().__init__(server.port)
        self.server = server

    def deliver(self, sender, recipients, message):
        process = self.server.start(self.server.sendmail(sender, recipients),
                                    stdin=subprocess.PIPE)
        process.communicate(message.replace(b"\r\n", b"\n"))
        return "250 2.0.0 Ok" if process.returncode == 0 else "451 4.3.0 See the log"


class Injected(ForeignServer):
    """A server that gives all its mail to the next hop, its bounces too."""

    injection = None

    def sendmail(self, sender, recipients):
        raise NotImplementedError

    def __enter__(self):
        self.injection = Injection(self).__enter__()
        return super().__enter__()

    def __exit__(self, *exception):
        self.injection.__exit__()
        super().__exit__(*exception)


class Dma(Injected):
    """
    options are lines of dma.conf, such as FULLBOUNCE. Its queue is run by the server: what sends
    ends with the mail, and would take deliveries that are under way with it.
    """

    packages = ["dma"]
    programs = ["/bin/sleep"]

    def configure(self):
        self.make_folder("var/spool/dma", "mail", 0o2775)
        self.make_folder("var/mail", "mail")
        self.write("etc/mailname", f"{self.hostname}\n")
        self.write("etc/dma/dma.conf", f"SMARTHOST 127.0.0.1\nPORT {self.next_port}\n"
                                       f"MAILNAME /etc/mailname\nDEFER\n{self.options}\n")

    def command(self):
        return ["/bin/sh", "-c", "while dma -q; do sleep 1; done"]

    def sendmail(self, sender, recipients):
        return ["/usr/sbin/dma", "-i", "-f", sender, *recipients]


class Nullmailer(Injected):
    """It has one form."""

    packages = ["nullmailer"]
    users = ["nullmail"]

    def configure(self):
        for folder in "", "/queue", "/tmp", "/failed":
            self.make_folder(f"var/spool/nullmailer{folder}", "mail")
        run("mkfifo", f"{self.root}/var/spool/nullmailer/trigger")
        self.write("etc/mailname", f"{self.hostname}\n")
        self.write("etc/nullmailer/remotes", f"127.0.0.1 smtp port={self.next_port}\n")
        self.write("etc/nullmailer/pausetime", "1\n")

    def command(self):
        return ["/usr/sbin/nullmailer-send"]

    def sendmail(self, sender, recipients):
        return ["/usr/sbin/sendmail", "-f", sender, *recipients]


class Resolving(ForeignServer):
    """A server that asks the DNS, whatever it is told of routes."""

    name_server = None

    @property
    def name_server_address(self):
        return f"127.53.{self.port >> 8}.{self.port & 255}"

    def unpack(self):
        super().unpack()
        self.write("etc/resolv.conf", f"nameserver {self.name_server_address}\n")

    def __enter__(self):
        self.name_server = NameServer(self.name_server_address).__enter__()
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.name_server.__exit__()


class Courier(Resolving):
    """options are lines of courierd, which is a shell script."""

    packages = ["courier-mta", "courier-base", "courier-authlib"]
    programs = ["/bin/sleep", "/bin/mkdir"]
    users = ["courier"]

    def configure(self):
        self.give("courier", "var/lib/courier", "etc/courier")
        for folder in "run/courier", "var/lib/courier/tmp", "var/lib/courier/sts":
            self.make_folder(folder, "courier", 0o770)
        os.chmod(f"{self.root}/usr/lib/courier/courier/submitmkdir", 0o4755)
        self.write("etc/environment", "")
        self.write("etc/courier/me", f"{self.hostname}\n")
        self.write("etc/courier/locals", f"{self.hostname}\n")
        self.write("etc/courier/esmtproutes", f"""\
{self.domain}:[127.0.0.1],{self.next_port}
example.test:[127.0.0.1],{self.mx_port}
""")
        with open(f"{self.root}/etc/courier/courierd", "a", encoding="ascii") as file:
            file.write(f"ESMTP_BLOCKBACKSCATTER=\nESMTP_USE_STARTTLS=0\n{self.options}\n")

    def command(self):
        return ["/bin/sh", "-c", "set -a; . /etc/courier/courierd; . /etc/courier/esmtpd; "
                "BOFHCHECKDNS=0 RELAYCLIENT= ESMTPAUTH= ESMTPAUTH_TLS=; "
                "/usr/lib/courier/courier/courierd & exec /usr/sbin/couriertcpd -noidentlookup "
                "-nodnslookup -address=127.0.0.1 -user=courier -group=courier "
                f"{self.port} /usr/lib/courier/courier/modules/esmtp/courieresmtpd"]


class Chasquid(Resolving):
    """
    It finds the sandbox by the DNS, and has no next hop: nobody@ and full@ are mailboxes here, but
    the program that delivers all mail fails for them.
    """

    packages = ["chasquid"]
    programs = ["/bin/cat"]

    def configure(self):
        self.make_folder("var/lib/chasquid")
        os.remove(f"{self.root}/etc/chasquid/hooks/post-data")  # asks programs that aren't here
        self.make_folder(f"etc/chasquid/domains/{self.domain}")
        self.write("etc/deliver", "#!/bin/sh\ncat >/dev/null\n"
                                  '[ "$1" = friend ] || { echo "$1: no such mailbox"; exit 67; }\n',
                   mode=0o755)
        certificate = f"{self.root}/etc/chasquid/certs/{self.hostname}"
        os.makedirs(certificate)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
            f"/CN={self.hostname}", "-keyout", f"{certificate}/privkey.pem",
            "-out", f"{certificate}/fullchain.pem")
        self.write("etc/chasquid/chasquid.conf", f"""\
hostname: "{self.hostname}"
smtp_address: "127.0.0.1:{self.port}"
mail_delivery_agent_bin: "/etc/deliver"
mail_delivery_agent_args: "%to_user%"
data_dir: "/var/lib/chasquid"
mail_log_path: "<stdout>"
{self.options}
""")
        for user in "nobody", "full", "friend":
            run("chroot", self.root, "/usr/bin/chasquid-util", "--configdir=/etc/chasquid",
                "user-add", f"{user}@{self.domain}", "--password=unused")

    def command(self):
        return ["/usr/bin/chasquid", "--config_dir=/etc/chasquid",
                f"--testing__outgoing_smtp_port={self.mx_port}"]

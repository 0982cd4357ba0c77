"""Nothing that is a password gets through `redact`, and ordinary text does."""

import copy
import json
import pickle
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import OperationalError
from psycopg.pq import Conninfo

from poolcheck.connection.secret import Secret, is_secret_name, redact, redact_setting

CANARY = "Zq9canary7X"
ODD = st.text("abz019-_.~@:/#?%&=+;,[]{}$\\é*!", max_size=8)


def test_secret_hides_itself() -> None:
    """In every way Python has to show a value."""
    secret = Secret(CANARY)

    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r}", f"{secret:>3}", "{}".format(secret)):  # noqa: UP032
        assert shown == "***"
    assert str([secret]) == "[***]"
    assert secret.reveal() == CANARY
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert bool(secret)
    assert not Secret("")


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, json.dumps])
def test_secret_is_not_written(write: object) -> None:
    """Neither pickle nor JSON takes it."""
    with pytest.raises(TypeError):
        write(Secret(CANARY))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["password", "PGPASSWORD", "sslpassword", "api_key", "apiKey", "DB_PASS", "pwd", "auth_token", "client_secret", "MY_API_KEY"])  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """Parameters, keys and variables."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["host", "passfile", "password_encryption", "compass", "bypass", "user", "POSTGRES_PASSWORD_FILE"])  # fmt: skip
def test_names_of_no_secrets(name: str) -> None:
    """Words that only hold such a word."""
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://u:p@h/db", "postgres://u:***@h/db"),
        ("postgres://u:@h/db", "postgres://u:@h/db"),
        ("postgresql+asyncpg://u:p%40q@h:5/d?x=1", "postgresql+asyncpg://u:***@h:5/d?x=1"),
        ('A="postgresql://u:p@s/w#r?d@h:5/d?email=a@b.c" # n', 'A="postgresql://u:***@h:5/d?email=a@b.c" # n'),
        ("postgres://a:b@c,postgres://d:e@f g", "postgres://a:***@c,postgres://d:***@f g"),
        ('["postgres://u:my pass@h/d","postgres://v:q@i"]', '["postgres://u:***@h/d","postgres://v:***@i"]'),
        (r'{"url":"postgres:\/\/u:p\/q@h\/d","e":"a@b.c"}', r'{"url":"postgres:\/\/u:***@h\/d","e":"a@b.c"}'),
        ("at postgres://u:s3cret", "at postgres://u:***"),
        ("next=postgres%3A%2F%2Fu%3Apw%40h%2Fd&x=1", "next=postgres%3A%2F%2Fu%3A***%40h%2Fd&x=1"),
        ("u:pw@h:5432/d", "u:***@h:5432/d"),
        ("prisma://a.b/?api_key=ey.J&x=1", "prisma://a.b/?api_key=***&x=1"),
        ("jdbc:postgresql://h/d?user=u&password=p", "jdbc:postgresql://h/d?user=u&password=***"),
        ("host=h password=p user=u", "host=h password=*** user=u"),
        ("host=h password='it\\'s x' user=u", "host=h password='***' user=u"),
        ("password=my pass host=h", "password=*** host=h"),
        ("Host=h;Password=a;b&c;Database=d", "Host=h;Password=***;Database=d"),
        ('Host=h;Pwd="a;""b";Port=1', 'Host=h;Pwd="***";Port=1'),
        ('{"password": "x\\"y", "port": 1}', '{"password": "***", "port": 1}'),
        ('"{\\"password\\": \\"x\\", \\"port\\": 1}"', '"{\\"password\\": \\"***\\", \\"port\\": 1}"'),
        ("  password: s3cr3t word # c", "  password: *** # c"),
        ("export PGPASSWORD=a b\nX=1", "export PGPASSWORD=***\nX=1"),
        ("MY_API_KEY=abc", "MY_API_KEY=***"),
        ("Client(password='a', user='b')", "Client(password='***', user='b')"),
        ("new Pool({ password: `a b`, max: 1 })", "new Pool({ password: `***`, max: 1 })"),
        (":password => 'x',", ":password => '***',"),
        ("ALTER ROLE a PASSWORD 'x y';", "ALTER ROLE a PASSWORD '***';"),
        ("tool --password x --max 5", "tool --password *** --max 5"),
        ('tool --password "a b" --max 5', 'tool --password "***" --max 5'),
        ("postgres://u:p@h/d?pa\n  ssword=x&a=b", "postgres://u:***@h/d?pa\n  ssword=***&a=b"),
        ("SELECT dblink('host=h password=''a b''')", "SELECT dblink('host=h password='***')"),
        ('could not translate host name "ss@h" to address', 'could not translate host name "***@h" to address'),
        ('database "w@h/db" does not exist', 'database "***@h/db" does not exist'),
    ],
)  # fmt: skip
def test_masks(text: str, expected: str) -> None:
    """The secret, and nothing around it."""
    assert expected == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        'FATAL:  password authentication failed for user "app"',
        "fe_sendauth: no password supplied",
        "password: required",
        "password: the password of the role, optional",
        "The token expired; ask for a new secret.",
        "http://localhost:3000/a https://neon.com/docs/x#y http://h:80. (https://a.b/c)",
        "postgres://h:5432,i:5433/d postgres://[::1]:5432/d postgres://h:${PORT}/d postgres:///d",
        "git@github.com:a/b.git mailto:a@b.c npm:react@18 image: postgres@sha256:abc",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "password_encryption = scram-sha-256",
        "password: process.env.PGPASSWORD, password=os.environ['PGPASSWORD']",
        "psql --password -h localhost",
        'FATAL: database "app" does not exist',
        "const { data } = await fetch(url, { max: 5 })",
        "user=a@b host=h dbname=d",
        "",
    ],
)
def test_leaves_ordinary_text(text: str) -> None:
    """Messages and documents stay readable."""
    assert text == redact(text)


SHAPES = [
    "postgresql://u:{}@h:5432/d?sslmode=require", "url=postgres://u:{}@h", "'postgres://u:{}@h/d'", '{{"url": "postgres://u:{}@h/d"}}',
    "postgres://:{}@h/d failed: timeout", "mysql://u:{}@h/d", "redis://:{}@h:6379/0", "two postgres://a:b@c/d postgres://u:{}@h/d",
    "postgres://u:{}@h/d,postgres://a:b@c", 'parse "postgres://u:{}@h/d": invalid port', "postgres:\\/\\/u:{}@h\\/d",
    "postgres://u:{}@h/d?email=a@b.c", "postgres://u:{}@[::1]:5/d", "TypeError: Invalid URL: postgres://u:{}@h/d at x.js:5",
]  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(SHAPES), ODD, ODD)
def test_no_password_in_a_url_gets_through(shape: str, before: str, after: str) -> None:
    """Raw with any of the characters that break URLs, and percent-encoded."""
    password = f"{before}{CANARY}{after}"

    assert CANARY not in redact(shape.format(password))
    assert CANARY not in redact(shape.format(quote(password, safe="")))


@settings(max_examples=500, deadline=None)
@given(st.text("abz019@:/#?%&=+;,[]{}$!é '\"\\", max_size=8))
def test_no_quoted_value_gets_through(rest: str) -> None:
    """JSON, Python, DSN and SQL, each with its own way to escape."""
    password = f"{rest}{CANARY}{rest}"
    dsn = password.replace("\\", "\\\\").replace("'", "\\'")
    sql = password.replace("'", "''").replace("\\", "/")

    assert CANARY not in redact(json.dumps({"password": password, "port": 1}))
    assert CANARY not in redact(json.dumps({"body": json.dumps({"apiKey": password})}))
    assert CANARY not in redact(repr({"password": password}))
    assert CANARY not in redact(f"host=h password='{dsn}' port=5")
    assert CANARY not in redact(f"create role a password '{sql}' login")
    assert CANARY not in redact(f"PGPASSWORD={password}")


@pytest.mark.parametrize(
    "cut", ["postgres://u:{}", "postgres://u:{}/d", "'postgres://u:{}", "see postgres://u:{}?sslmode=require"]
)
def test_no_password_cut_short_gets_through(cut: str) -> None:
    """A truncated log line has no `@` any more."""
    assert CANARY not in redact(cut.format(CANARY))


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://u:{CANARY}%zz@h", f"postgres://u:p {CANARY}@h", f"postgresql+asyncpg://u:{CANARY}@h", f"postgres://h/d?{CANARY}", f"host=h {CANARY}", f"postgres://u:x@h/d?password={CANARY}%zz", f"postgres://u:a={CANARY}@h/d?x=1",
    ],
)  # fmt: skip
def test_what_libpq_echoes_is_masked(text: str) -> None:
    """libpq's own complaints, as this machine's libpq writes them."""
    with pytest.raises(OperationalError) as refused:
        Conninfo.parse(text.encode())

    assert CANARY not in redact(str(refused.value))


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(["postgres://", "u:", "@", "password", "=", ": ", "'", '"', " ", "\\", "/", "?a=", "&", "x", "***", "\n", ";", "%3A", "token", "PGPASSWORD=", "${A}", ",", "[", "]"]),
            max_size=15,
        ).map("".join),
    )
)  # fmt: skip
def test_twice_is_once(text: str) -> None:
    """A masked text does not change when it is masked again."""
    once = redact(text)

    assert once == redact(once)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "a:", "@", "://", "postgres://", "a://b:c ", "a://b:\"'", "password=", "password='", '"password": ', "a:b@c ", "x@y:", "a", " ", "\\", "?a=",
        "'", "pass ", "${", "<a", "--token x ", "%3A%2F%2F%3A", "token:", " a=b\n", 'invalid port "', "password x='", "a://b:c@d?e=f@", 'host "',
        "password=''x", "password=''", "''", "password='\\\\'", "a://b c:d@", "a://b?pa\nssword=x ", "?password=a&b", "password=a b=",
    ],
)  # fmt: skip
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Four times the text takes about four times as long: a quadratic pattern would take sixteen."""

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    seconds(1000)
    small, large = min(seconds(50_000), seconds(50_000)), seconds(200_000)

    assert large < max(0.5, 9 * small)
    assert large < 10


# A secret in every language that a project or a log is written in; some over several lines.
WRITTEN = {
    "block |": "password: |\n  {s}\n",
    "block >-": "db_password: >-\n  {s}\n",
    "block |2 comment": "  api_key: |2 # c\n      {s}\n",
    "block tag": "password: !!str |\n  {s}\n",
    "block anchor": "password: &a |-\n  {s}\n",
    "block dash": "- name: x\n  password: |\n    a\n\n    {s}\n  user: keepme\n",
    "block quoted key": '"password": |\n  {s}\n',
    "block crlf": "password: |\r\n  {s}\r\n",
    "next line": "password:\n  {s}\n",
    "next line quoted": 'password:\n  "{s}"\n',
    "yaml plain continued": "password: abc\n  {s}\n",
    "yaml dq continued": 'password: "abc\n  {s}"\n',
    "yaml sq continued": "password: 'abc\n  {s}'\n",
    "list": "passwords:\n  - {s}\n",
    "list same indent": "passwords:\n- {s}\n",
    "flow list": "passwords: [{s}, b]\n",
    "flow list 2": "passwords: [b, {s}]\n",
    "flow list json": '{"passwords": ["b", "{s}"]}',
    "flow list newline": "passwords: [\n  b,\n  {s}\n]\n",
    "csv doubled": '2026,"password ""a {s}""","x"',
    "csv doubled colon": '2026,"password: ""a {s}""","x"',
    "csv doubled 2": '"ALTER ROLE x PASSWORD ""{s}"" y"',
    "plain dq": 'password "a {s}"',
    "storage_password": 'storage_password "{s}"',
    "dollar": "ALTER ROLE x PASSWORD $$a {s}$$",
    "dollar tag": "ALTER ROLE x PASSWORD $q$a {s}$q$",
    "E string": "ALTER ROLE x PASSWORD E'a\\'{s}'",
    "U string": "ALTER ROLE x PASSWORD U&'a {s}'",
    "N newline": "ALTER ROLE x PASSWORD\n  '{s}'",
    "encrypted": "ALTER ROLE x ENCRYPTED PASSWORD 'md5{s}'",
    "comment between": "ALTER ROLE x PASSWORD /* c */ '{s}'",
    "comment line between": "ALTER ROLE x PASSWORD -- c\n '{s}'",
    "concat strings": "ALTER ROLE x PASSWORD 'abc'\n '{s}'",
    "xml elem": "<password>{s}</password>",
    "xml elem ns": "<db:password>{s}</db:password>",
    "xml prop": '<property name="password" value="{s}"/>',
    "xml prop2": '<property name="hibernate.connection.password">{s}</property>',
    "xml attr": '<ds password="{s}"/>',
    "py triple": 'PASSWORD = """\n{s}\n"""',
    "py triple one": 'password = """a "{s}" b"""',
    "py paren": 'password = (\n    "{s}"\n)',
    "py concat": 'password = "abc" "{s}"',
    "py concat plus": 'password = "abc" + "{s}"',
    "py prefix": 'password = rb"{s}"',
    "py dict call": 'dict(password="{s}")',
    "py tuple": '("password", "{s}")',
    "py setdefault": 'os.environ["PGPASSWORD"] = "{s}"',
    "py setdefault2": 'os.environ.setdefault("PGPASSWORD", "{s}")',
    "py getenv default": 'os.getenv("PGPASSWORD", "{s}")',
    "py get default": 'os.environ.get("DB_PASSWORD", default="{s}")',
    "py or": 'password = os.environ.get("X") or "{s}"',
    "js ??": "password: process.env.PGPASSWORD ?? '{s}'",
    "js ||": 'password: process.env.PGPASSWORD || "{s}"',
    "js ?? const": "const password = env.PW ?? '{s}'",
    "js ternary": "password: prod ? '{s}' : undefined",
    "js template nl": "password: `\n{s}`",
    "js fn": "password: () => '{s}'",
    "js async": "password: async () => { return '{s}' }",
    "js comment": "password: /* c */ '{s}'",
    "java setter": 'ds.setPassword("{s}");',
    "java env": 'System.getenv().getOrDefault("DB_PASSWORD", "{s}")',
    "kotlin": 'password = "{s}".toCharArray()',
    "go": 'Password: "{s}",',
    "go raw": "Password: `{s}`,",
    "cs": 'builder.Password = @"a""{s}";',
    "ruby =>": ":password => '{s}'",
    "ruby %q": "password: %q({s})",
    "ruby env fetch": "password: ENV.fetch('PW', '{s}')",
    "ruby erb": "password: <%= ENV.fetch('PW') { '{s}' } %>",
    "php": "'password' => env('DB_PASSWORD', '{s}'),",
    "php define": "define('DB_PASSWORD', '{s}');",
    "hcl": 'password = "{s}"',
    "hcl heredoc": "password = <<EOT\n{s}\nEOT\n",
    "hcl heredoc ind": "password = <<-EOT\n  {s}\n  EOT\n",
    "hcl var": 'variable "db_password" {\n  default = "{s}"\n}',
    "hcl default one": 'variable "db_password" { default = "{s}" }',
    "k8s env": "- name: PGPASSWORD\n  value: {s}",
    "k8s env q": '- name: "DB_PASSWORD"\n  value: "{s}"',
    "k8s flow": '- {name: PGPASSWORD, value: "{s}"}',
    "k8s json": '{"name": "PGPASSWORD", "value": "{s}"}',
    "ecs reversed": '{"value": "{s}", "name": "PGPASSWORD"}',
    "shell default": "password=${PGPASSWORD:-{s}}",
    "shell default2": "PGPASSWORD=${PW:-{s}}",
    "shell default3": "postgresql://u:${PW:-{s}}@h/d",
    "shell cont": "PGPASSWORD=abc\\\n{s}",
    "shell ansi": "PGPASSWORD=$'a\\'{s}'",
    "shell -W": "psql --password={s}",
    "shell set": "set PGPASSWORD={s}",
    "ps env": "$env:PGPASSWORD = '{s}'",
    "fish": "set -x PGPASSWORD '{s}'",
    "fish2": "set -gx PGPASSWORD {s}",
    "cmd setx": "setx PGPASSWORD {s}",
    "docker -e": "docker run -e PGPASSWORD={s} x",
    "docker ENV": "ENV PGPASSWORD {s}",
    "docker ENV eq": 'ENV PGPASSWORD="a {s}"',
    "docker ARG": "ARG DB_PASSWORD={s}",
    "properties cont": "spring.datasource.password=abc\\\n  {s}",
    "toml literal": "password = '''\n{s}'''",
    "toml dotted": 'db.password = "{s}"',
    "pgpass": "h:5432:d:u:{s}",
    "pgpass star": "*:*:*:app:{s}",
    "userlist": '"app" "{s}"',
    "userlist scram": '"app" "SCRAM-SHA-256$4096:{s}=$a:b"',
    "scram": "SCRAM-SHA-256$4096:AAAA${s}:{s}",
    "basic auth": "Authorization: Basic {s}",
    "bearer": "authorization: Bearer {s}",
    "pem": "-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----",
    "pem name": "sslkey: |\n  -----BEGIN RSA PRIVATE KEY-----\n  {s}\n",
    "pem esc": 'key = "-----BEGIN EC PRIVATE KEY-----\\n{s}\\n-----END EC PRIVATE KEY-----"',
    "url %-enc @": "postgresql%3A%2F%2Fu%3A{s}%40h%2Fd",
    "url double enc": "postgresql%253A%252F%252Fu%253A{s}%2540h%252Fd",
    "url json esc": '"postgresql:\\/\\/u:{s}@h\\/d"',
    "url unicode esc": '"postgresql:\\u002f\\u002fu:{s}@h"',
    "url html": "postgresql:&#x2F;&#x2F;u:{s}@h/d",
    "url newline": "postgresql://u:\n{s}@h/d",
    "url nl pw": "postgresql://u:abc\n{s}@h/d",
    "url no slashes": "postgresql:u:{s}@h/d",
    "url backslashes": "postgresql:\\\\u:{s}@h/d",
    "url query password": "postgresql://h/d?user=u&password={s}",
    "url query PASSWORD": "postgresql://h/d?user=u&PASSWORD={s}",
    "url query pass%77ord": "postgresql://h/d?user=u&pass%77ord={s}",
    "url query amp;": "postgresql://h/d?user=u&amp;password={s}",
    "url query ;": "jdbc:sqlserver://h;user=u;password={s}",
    "oauth secret": "postgresql://h/d?oauth_client_secret={s}",
    "dsn pwd": "Server=h;Uid=u;Pwd={s};",
    "dsn spaced =": "host=h password = '{s}' user=u",
    "dsn upper": "HOST=h PASSWORD={s}",
    "odbc braces": "Driver={PG};PWD={a;{s}};UID=u",
    "odbc braces 2": "Driver={PG};PWD={a}}{s}};UID=u",
    "npgsql sq": "Host=h;Password='a;{s}';x=1",
    "key with dash": "db-password: {s}",
    "camel": "dbPassword: '{s}'",
    "camelPass": "dbPass: '{s}'",
    "DBPASS": "DBPASS={s}",
    "PGPASS": "PGPASS={s}",
    "MYSQL_PWD": "MYSQL_PWD={s}",
    "pw colon": "pw: {s}",
    "json nested obj": '{"password": {"value": "{s}"}}',
    "json num": '{"password": {s}, "x": 1}',
    "log echo": 'invalid connection option "password={s}"',
    "echo quoting": 'could not translate host name "{s}@h" to address',
    "pgx": "failed to connect to `host=h user=u password={s}`",
    "pgx2": "cannot parse `postgres://u:{s}@h:bad/d`: failed",
    "go parse": 'parse "postgres://u:{s} x@h/d": net/url: invalid userinfo',
    "ruby inspect": '#<PG::Connection @password="{s}">',
    "py repr": "{'password': '{s}'}",
    "py repr b": "{b'password': b'{s}'}",
    "py kwargs": "connect(host='h', password='a\\'{s}')",
    "js inspect": "{ password: 'a {s}', x: 1 }",
    "java map": "{user=u, password={s}}",
    "java map sp": "{user=u, password=a {s}, host=h}",
    "go struct": "{Host:h Password:{s} Port:5}",
    "rust debug": 'Config { password: Some("{s}") }',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_written_in_any_language(name: str) -> None:
    """The secret goes; in `block dash` the key behind the block stays."""
    masked = redact(WRITTEN[name].replace("{s}", CANARY))

    assert CANARY not in masked
    assert "***" in masked
    assert ("keepme" in WRITTEN[name]) is ("keepme" in masked)
    assert redact(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "secrets:\n  db_password:\n    file: ./pw.txt\n",
        "env:\n  - name: PGPASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: x\n",
        'password authentication failed for user "app"\n  at Client (x.js:1)',
        'required: ["password", "email"]\nhost: db\n',
        "await setPassword(user, 1)\nconst a = 'b'\n",
        "SELECT password FROM users WHERE a = $1\n",
        "Invalid password\n    at foo (bar.js:1:2)\n",
        "if (password > 5) return '</div>'.length\n",
        "compass: north\nbypass: true\n",
    ],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    """Names without values, references, prose, positions."""
    assert redact(text) == text


def test_in_a_setting_no_word_is_prose() -> None:
    """`password: the dog` is a password there; in a log it is a sentence."""
    for value in ("the dog", "true dog", "a dog", "is dog"):
        assert "dog" not in redact_setting(f"  password: {value}")
        assert "dog" in redact(f"password: {value}")
    assert redact_setting("password: process.env.PW,") == "password: process.env.PW,"

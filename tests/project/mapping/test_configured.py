"""Pools that frameworks make by their config files: strings and sizes of each stage, in what the deployment sets."""

from collections.abc import Mapping

import pytest

from poolcheck.config.settings import Config
from poolcheck.model.connection_map import Map
from tests.project.mapping.test_never_lost import map_of
from tests.project.mapping.test_rules_of_evidence import asks

RESOURCES = "src/main/resources/"
POM = """<project><parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.4.1</version></parent>
<artifactId>link</artifactId><dependencies>
<dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-data-jpa</artifactId></dependency>
<dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId></dependency>
MORE</dependencies></project>"""
YML = "spring:\n  datasource:\n    url: jdbc:postgresql://pg.acme.dev:5432/link\n"
PROPERTIES = "spring.datasource.url=jdbc:postgresql://pg.acme.dev:5432/link\n"


def spring(more: str = "", **files: str) -> dict[str, str]:
    """A program of Spring Boot: `application_yml` is application.yml, `application_prod_yml` application-prod.yml."""
    named = {
        f"{RESOURCES}{'.'.join(key.replace('_', '-').rsplit('-', 1))}": text for key, text in files.items()
    }
    return {"pom.xml": POM.replace("MORE", more), **named}


def compose(environment: Mapping[str, str], **more: str) -> dict[str, str]:
    """The program in two containers."""
    rows = "".join(f'      {name}: "{value}"\n' for name, value in environment.items())
    env = f"    environment:\n{rows}" if rows else ""
    extra = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return {
        "compose.yaml": f"services:\n  link:\n    build: .\n    deploy: {{replicas: 2}}\n{env}{extra}",
        "Dockerfile": "FROM eclipse-temurin:21\n",
    }


def sizes(made: Map, client: str = "") -> list[int | None]:
    """The most connections of each pool of the only client, or of the one of that name; None: it is asked for."""
    (found,) = [each for each in made.clients if not client or each.name == client]
    return [each.size.high if each.size is not None else None for each in found.pools]


def hosts(made: Map) -> set[str]:
    """The servers that are reached, by their first address."""
    return {next(iter(each.addresses), each.name) for each in made.servers}


KNOWN = Config(max_connections=100, instances=3)


@pytest.mark.parametrize(
    ("files", "size"),
    [
        (spring(application_yml=YML), 10),
        (spring(application_properties=PROPERTIES), 10),
        (spring(application_yml=f"{YML}    hikari:\n      maximum-pool-size: 30\n"), 30),
        (spring(application_yml=f"{YML}    hikari:\n      maximumPoolSize: 30\n"), 30),
        (spring(application_yml=f"{YML}    hikari: {{maximum_pool_size: '30'}}\n"), 30),
        (spring(application_yml=f"{YML}spring.datasource.hikari.maximum-pool-size: 30\n"), 30),
        (spring(application_properties=f"{PROPERTIES}spring.datasource.hikari.maximumPoolSize = 30\n"), 30),
        (spring(application_properties=f"{PROPERTIES}spring.datasource.hikari.maximum-pool-size=${{POOL:7}}\n"), 7),
        (spring(application_properties=f"{PROPERTIES}spring.datasource.hikari.maximum-pool-size=${{POOL}}\n"), None),
        (spring(application_properties=f"{PROPERTIES}spring.datasource.hikari.maximum-pool-size=#{{2*4}}\n"), None),
        (spring(application_yml=YML, application_prod_yml="spring.datasource.hikari.maximum-pool-size: 40\n"), 40),
        (spring(application_yml=YML, application_dev_yml="spring.datasource.hikari.maximum-pool-size: 40\n"), 10),
        (spring(application_yml=f"{YML}---\nspring:\n  config.activate.on-profile: prod\n  datasource.hikari.maximum-pool-size: 40\n"), 40),
        (spring(application_properties=f"{PROPERTIES}#---\nspring.profiles=dev\nspring.datasource.hikari.maximum-pool-size=40\n"), 10),
        (spring(application_yml=f"{YML}---\nspring:\n  config.activate.on-profile: '!dev'\n  datasource.hikari.maximum-pool-size: 40\n"), None),
        (spring(application_yml=f"{YML}  config.import: 'configserver:'\n"), None),
        (spring(application_yml=f"{YML}    type: com.zaxxer.hikari.HikariDataSource\n"), 10),
        (spring(application_yml=f"{YML}    type: com.alibaba.druid.pool.DruidDataSource\n"), None),
        (spring(application_yml=f"app:\n  version: @project.version@\n{YML}"), 10),
    ],
)  # fmt: skip
def test_spring(files: dict[str, str], size: int | None) -> None:
    """HikariCP's ten where the datasource stands there and nothing is hidden; what is not understood is asked for."""
    made = map_of(files, KNOWN)

    assert sizes(made) == [size]
    assert hosts(made) == {"pg.acme.dev:5432"}
    assert any(each.endswith(": pool") for each in asks(made)) == (size is None)


DBCP = "<dependency><groupId>org.apache.commons</groupId><artifactId>commons-dbcp2</artifactId></dependency>"
QUARKUS = """<project><artifactId>link</artifactId><dependencies>
<dependency><groupId>io.quarkus</groupId><artifactId>quarkus-jdbc-postgresql</artifactId><version>VERSION</version></dependency>
<dependency><groupId>io.quarkus</groupId><artifactId>quarkus-reactive-pg-client</artifactId><version>VERSION</version></dependency></dependencies></project>"""


@pytest.mark.parametrize(
    ("more", "text", "made"),
    [
        ("", "spring.datasource.type=org.apache.tomcat.jdbc.pool.DataSource\n", [100]),
        ("", "spring.datasource.type=org.apache.tomcat.jdbc.pool.DataSource\nspring.datasource.tomcat.max-active=9\n", [9]),
        ("", "spring.datasource.tomcat.max-active=9\n", [10]),  # HikariCP does not read it
        ("", "spring.datasource.type=org.apache.commons.dbcp2.BasicDataSource\n", [8]),
        (DBCP, "spring.datasource.dbcp2.max-total=21\n", [21]),
        ("", "spring.datasource.audit.jdbc-url=jdbc:postgresql://pg.acme.dev/audit\nspring.datasource.audit.maximum-pool-size=4\n", [10, 4]),
        ("", "spring.r2dbc.url=r2dbc:postgresql://pg.acme.dev/link\n", [10, 10]),
        ("", "spring.r2dbc.url=r2dbc:pool:postgresql://pg.acme.dev/link\nspring.r2dbc.pool.max-size=25\n", [10, 25]),
        ("", "datasources.default.url=jdbc:postgresql://pg.acme.dev/x\ndatasources.default.maximum-pool-size=3\n", [10, 3]),
    ],
)  # fmt: skip
def test_other_pools_of_spring(more: str, text: str, made: list[int | None]) -> None:
    """Which pool it is, by its type or by what is there; R2DBC's beside it."""
    found = map_of(spring(more, application_properties=PROPERTIES + text), KNOWN)

    assert sizes(found) == made


@pytest.mark.parametrize(
    ("version", "text", "made"),
    [
        ("3.15.1", "quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\n", [20]),
        ("3.33.0", "quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\n", [50]),
        ("", "quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\n", [None]),
        ("3.33.0", "quarkus.datasource.reactive.url=postgresql://pg.acme.dev/x\n", [None]),
        ("3.15.1", "quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\nquarkus.datasource.jdbc.max-size=16\n", [16]),
        ("3.15.1", "quarkus.datasource.jdbc.url=jdbc:postgresql://localhost/x\n%prod.quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\n%prod.quarkus.datasource.jdbc.max-size=32\n%dev.quarkus.datasource.jdbc.max-size=2\n", [32]),
        ("3.15.1", "quarkus.datasource.reactive.url=postgresql://pg.acme.dev/x\nquarkus.datasource.reactive.max-size=12\n", [12]),
        ("3.15.1", "quarkus.datasource.reactive.url=postgresql://pg.acme.dev/x\n", [20]),
        ("3.15.1", 'quarkus.datasource."users".jdbc.url=jdbc:postgresql://pg.acme.dev/x\nquarkus.datasource.users.jdbc.max-size=11\n', [11]),
        ("3.15.1", "quarkus.datasource.jdbc.url=jdbc:mysql://my.acme.dev/x\n", []),
    ],
)  # fmt: skip
def test_quarkus(version: str, text: str, made: list[int | None]) -> None:
    """Agroal's pool and the reactive client's, each with its own key; production's profile counts."""
    found = map_of(
        {
            "pom.xml": QUARKUS.replace(
                "<version>VERSION</version>", f"<version>{version}</version>" if version else ""
            ),
            f"{RESOURCES}application.properties": text,
        },
        KNOWN,
    )

    assert (sizes(found) if made else [each.name for each in found.clients]) == made


def test_spring_of_another_database() -> None:
    """MySQL's pool is none of PostgreSQL's, H2's neither."""
    for url in ("jdbc:mysql://db:3306/link", "jdbc:h2:mem:x"):
        assert map_of(spring(application_yml=f"spring.datasource.url: {url}\n"), KNOWN).clients == ()


@pytest.mark.parametrize(
    ("environment", "config", "size", "server"),
    [
        ({"DB_HOST": "pg.one", "POOL": "20"}, "url=jdbc:postgresql://${DB_HOST:localhost}:${DB_PORT:5432}/x\nhikari.maximum-pool-size=${POOL:5}", 20, "pg.one:5432"),
        ({"DB_HOST": "pg.one"}, "url=jdbc:postgresql://${DB_HOST}/x\nhikari.maximum-pool-size=${POOL:5}", 5, "pg.one:5432"),
        ({"SPRING_DATASOURCE_URL": "jdbc:postgresql://pg.two/x"}, "username=app", 10, "pg.two:5432"),
        ({"SPRING_DATASOURCE_URL": "jdbc:postgresql://pg.two/x"}, "url=jdbc:postgresql://localhost/x", 10, "pg.two:5432"),
        ({"DB_URL": "jdbc:postgresql://pg.two/x", "SPRING_DATASOURCE_HIKARI_MAXIMUM_POOL_SIZE": "33"}, "url=${DB_URL}\nhikari.maximum-pool-size=5", 33, "pg.two:5432"),
        ({"DB_URL": "jdbc:postgresql://pg.two/x", "SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE": "33"}, "url=${DB_URL}", 33, "pg.two:5432"),
        ({"DB_URL": "jdbc:postgresql://pg.two/x", "POOL": "$POOL"}, "url=${DB_URL}\nhikari.maximum-pool-size=${POOL:5}", None, "pg.two:5432"),
        ({"SPRING_PROFILES_ACTIVE": "docker"}, "url=jdbc:postgresql://localhost/x\n#---\nX=docker\nurl=jdbc:postgresql://pg.three/x\nhikari.maximum-pool-size=8", 8, "pg.three:5432"),
        ({"APP_DB_HOST": "pg.four"}, "url=jdbc:postgresql://${app.db.host}/x", 10, "pg.four:5432"),
        ({"JAVA_OPTS": "-Xmx512m -Dspring.datasource.hikari.maximum-pool-size=21"}, "url=jdbc:postgresql://pg.five/x\nhikari.maximum-pool-size=5", 21, "pg.five:5432"),
        ({"JAVA_TOOL_OPTIONS": "-Dspring.datasource.url=jdbc:postgresql://pg.six/x"}, "url=jdbc:postgresql://localhost/x", 10, "pg.six:5432"),
    ],
)  # fmt: skip
def test_spring_in_a_container(
    environment: dict[str, str], config: str, size: int | None, server: str
) -> None:
    """The deployment's variables fill in placeholders, set keys by their names in capitals, and choose the profile."""
    rows = [row if row.startswith("#") else f"spring.datasource.{row}" for row in config.split("\n")]
    text = "\n".join(rows).replace("spring.datasource.X", "spring.config.activate.on-profile")
    made = map_of(spring(application_properties=text) | compose(environment), KNOWN)

    assert sizes(made, "link") == [size]
    assert hosts(made) == {server}


@pytest.mark.parametrize(
    ("command", "size"),
    [
        ('["java", "-Dspring.datasource.hikari.maximum-pool-size=22", "-jar", "app.jar"]', 22),
        ('["java", "-jar", "app.jar", "--spring.datasource.hikari.maximum-pool-size=23"]', 23),
        ('["java", "-Dspring.datasource.hikari.maximum-pool-size=22", "-jar", "app.jar", "--spring.datasource.hikari.maximum-pool-size=23"]', 23),
        ("java -Dspring.datasource.hikari.maximum-pool-size=24 -jar app.jar", 24),
        ("java -Dspring.datasource.hikari.maximum-pool-size=$POOL -jar app.jar", None),
        ('["sh", "-c", "exec java -Dspring.datasource.hikari.maximum-pool-size=25 -jar app.jar"]', 25),
        ('["java", "-Dspring.datasource.hikari.minimum-idle=1", "-jar", "app.jar"]', 7),
    ],
)  # fmt: skip
def test_spring_by_its_arguments(command: str, size: int | None) -> None:
    """An argument beats a system property, and both a variable and the file."""
    file = "spring.datasource.url=jdbc:postgresql://pg.one/x\nspring.datasource.hikari.maximum-pool-size=5\n"
    beside = compose({"SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE": "7"}, command=command)
    made = map_of(spring(application_properties=file) | beside, KNOWN)

    assert sizes(made, "link") == [size]


@pytest.mark.parametrize(
    ("dockerfile", "command", "size"),
    [
        ('ENTRYPOINT ["java", "-Dspring.datasource.hikari.maximum-pool-size=40", "-jar", "app.jar"]', "", 40),
        ("ENV SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE=41", "", 41),
        ("ENV SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE=41", "java -jar app.jar", 41),
        ('ENV JAVA_OPTS="-Xmx1g -Dspring.datasource.hikari.maximum-pool-size=42"', "", 42),
    ],
)
def test_spring_by_its_image(dockerfile: str, command: str, size: int) -> None:
    """What the Dockerfile sets holds where the container's own variables and command do not."""
    file = "spring.datasource.url=jdbc:postgresql://pg.one/x\nspring.datasource.hikari.maximum-pool-size=5\n"
    beside = compose({}, **({"command": command} if command else {}))
    made = map_of(
        spring(application_properties=file)
        | beside
        | {"Dockerfile": f"FROM eclipse-temurin:21\n{dockerfile}\n"},
        KNOWN,
    )

    assert sizes(made, "link") == [size]


def test_profiles_of_two_databases() -> None:
    """What stands in for a variable tells the database, too; a developer's server is no container's."""
    files = spring(
        application_properties="database=h2\n",
        application_mysql_properties="spring.datasource.url=${MYSQL_URL:jdbc:mysql://localhost/x}\n",
        application_postgres_properties="spring.datasource.url=${POSTGRES_URL:jdbc:postgresql://localhost/x}\n",
    )
    beside = {"compose.yaml": "services:\n  mysql:\n    image: mysql:9\n  cache:\n    image: redis:8\n"}
    (route,) = map_of(files | compose({"SPRING_PROFILES_ACTIVE": "postgres"}), KNOWN).routes
    assert route.variable == "POSTGRES_URL"
    other = map_of(files | compose({"SPRING_PROFILES_ACTIVE": "mysql"}), KNOWN)
    assert not any(each.deployed for each in other.clients)
    assert [each.deployed for each in map_of(files | beside, KNOWN).clients] == [False]


def test_variables_of_a_missing_env_file() -> None:
    """What an env file sets that is made elsewhere is not known: the pool is asked for by its variable."""
    text = f"{PROPERTIES}spring.datasource.hikari.maximum-pool-size=${{POOL:5}}\n"
    made = map_of(spring(application_properties=text) | compose({"X": "y"}, env_file=".env.made"), KNOWN)

    assert sizes(made, "link") == [None]
    assert any("POOL" in each.why for each in made.questions)


def test_spring_variable_that_nobody_sets() -> None:
    """The server is asked for by the variable's name."""
    text = "spring.datasource.url=jdbc:postgresql://${DB_HOST}:5432/x\n"
    made = map_of(spring(application_properties=text), KNOWN)

    assert sizes(made) == [10]
    assert [each.variable for each in made.routes] == ["DB_HOST"]


def test_spring_env_file() -> None:
    """An env file fills in the parts, and the pool's size."""
    text = "spring.datasource.url=jdbc:postgresql://${DB_ADDRESS}/x\nspring.datasource.hikari.maximum-pool-size=${POOL:5}\n"
    made = map_of(
        spring(application_properties=text) | {".env.production": "DB_ADDRESS=pg.five\nPOOL=12\n"}, KNOWN
    )

    assert (sizes(made), hosts(made)) == ([12], {"pg.five:5432"})


# --- .NET ---

CSPROJ = '<Project Sdk="Microsoft.NET.Sdk.Web"><ItemGroup><PackageReference Include="Npgsql" Version="9.0.3" />MORE</ItemGroup></Project>'
SQL_SERVER = '<PackageReference Include="Microsoft.Data.SqlClient" Version="6.0.1" />'
HOST = "Host=pg.acme.dev;Port=5432;Database=app;Username=app;Password=s3cretpw"


def dotnet(string: str, more: str = "", **stages: str) -> dict[str, str]:
    """A program of .NET, with the string of each stage."""
    text = '{{\n  // of the app\n  "ConnectionStrings": {{ "Db": "{}", }},\n}}\n'
    files = {f"appsettings.{stage}.json": text.format(value) for stage, value in stages.items()}
    return {"Api.csproj": CSPROJ.replace("MORE", more), "appsettings.json": text.format(string), **files}


@pytest.mark.parametrize(
    ("files", "made"),
    [
        (dotnet(HOST), [100]),
        (dotnet(f"{HOST};Maximum Pool Size=200"), [200]),
        (dotnet(f"{HOST};MaxPoolSize=20"), [20]),
        (dotnet(f"{HOST};Max Pool Size=20;Pooling=true"), [20]),
        (dotnet(f"{HOST};Pooling=false"), [None]),
        (dotnet("Server=pg.acme.dev;Database=app;User Id=app;Password=s3cretpw"), [100]),
        (dotnet("Server=pg.acme.dev;Database=app;User Id=app;Password=s3cretpw", SQL_SERVER), []),
        (dotnet("Server=pg.acme.dev;Port=5432;Database=app;User Id=app", SQL_SERVER), [100]),
        (dotnet("Server=.;Initial Catalog=app;Integrated Security=true"), []),
        (dotnet(HOST, Production=f"{HOST};Maximum Pool Size=30", Development="Host=localhost;Database=x;Maximum Pool Size=3"), [30]),
        (dotnet(HOST, Development="Host=localhost;Database=x;Maximum Pool Size=3"), [100]),
    ],
)  # fmt: skip
def test_dotnet(files: dict[str, str], made: list[int | None]) -> None:
    """Npgsql's hundred for each string, or what the string says; other databases' strings are not its."""
    found = map_of(files, KNOWN)
    real = [each for each in found.clients if "Development" not in each.place.path]

    assert [each.size.high if each.size else None for client in real for each in client.pools] == made
    assert "s3cretpw" not in repr(found)


def test_strings_of_other_services() -> None:
    """Redis and a store of files beside it have no pool of PostgreSQL; options of the project's own may name one."""
    text = '{"ConnectionStrings": {"Redis": "localhost:6379", "Files": "UseDevelopmentStorage=true", "Db": "Host=pg.acme.dev;Database=x"},\n"Cache": {"ConnectionString": "cache:6379,ssl=true"},\n"DatabaseOptions": {"ConnectionString": "Server=pg.two;Database=y;User Id=app;Minimum Pool Size=5"}}\n'
    made = map_of({"Api.csproj": CSPROJ.replace("MORE", ""), "appsettings.json": text}, KNOWN)

    assert hosts(made) == {"pg.acme.dev:5432", "pg.two:5432"}
    assert sizes(made) == [100, 100]


@pytest.mark.parametrize(
    ("environment", "size", "server"),
    [
        ({"ConnectionStrings__Db": "Host=pg.two;Database=x;Maximum Pool Size=7"}, 7, "pg.two:5432"),
        ({"CONNECTIONSTRINGS__DB": "Host=pg.two;Database=x"}, 100, "pg.two:5432"),
        ({"ConnectionStrings__Db": "$SECRET"}, None, "SECRET"),
        (
            {"ConnectionStrings__Db": "Host=pg.two;Database=x;Maximum Pool Size=7;Password=${PW}"},
            7,
            "pg.two:5432",
        ),
        ({"ASPNETCORE_ENVIRONMENT": "Staging"}, 9, "pg.three:5432"),
    ],
)
def test_dotnet_in_a_container(environment: dict[str, str], size: int | None, server: str) -> None:
    """A variable counts instead of the file; what a secret holds may say its size, and is asked for."""
    files = dotnet("Host=localhost;Database=x", Staging="Host=pg.three;Database=x;Maximum Pool Size=9")
    made = map_of(files | compose(environment), KNOWN)

    assert sizes(made, "link") == [size]
    assert any(server in each for each in hosts(made))


# --- Rails ---

GEMS = {"Gemfile": 'gem "rails", "~> 8.0.0"\ngem "pg"\n'}
DEFAULT = 'default: &default\n  adapter: postgresql\n  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>\n\n'
URL = "  url: postgres://app:s3cretpw@pg.acme.dev/app\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (f"{DEFAULT}production:\n  <<: *default\n{URL}", [5]),
        (f"{DEFAULT}production:\n  <<: *default\n{URL}  pool: 12\n", [12]),
        (f"production:\n  adapter: postgis\n{URL}", [5]),
        (f"production:\n  adapter: postgresql\n{URL}  max_connections: 9\n", [9]),
        (f"production:\n  adapter: postgresql\n{URL}  pool: <%= ENV['DB_POOL'] || 8 %>\n", [8]),
        (f"production:\n  adapter: postgresql\n{URL}  pool: <%= ENV['DB_POOL'] || ENV.fetch('RAILS_MAX_THREADS', 7).to_i %>\n", [7]),
        (f"production:\n  adapter: postgresql\n{URL}  pool: <%= ENV['DB_POOL'] %>\n", [None]),
        (f"production:\n  adapter: postgresql\n{URL}  pool: <%= ENV.fetch('RAILS_MAX_THREADS') {{ 5 }}.to_i + 2 %>\n", [None]),
        (f"production:\n  adapter: postgresql\n{URL}<% if ENV['BIG'] %>\n  pool: 30\n<% end %>\n", [None]),
        ("production:\n  adapter: mysql2\n  host: pg.acme.dev\n  pool: 4\n", []),
        ("production:\n  adapter: postgresql\n  host: pg.acme.dev\n  database: app\n  pool: 4\n", [4]),
        (f"development:\n  adapter: postgresql\n  pool: 3\nproduction:\n  adapter: postgresql\n{URL}  pool: 4\n", [4]),
        (f"{DEFAULT}production:\n  primary:\n    <<: *default\n  {URL}  cache:\n    <<: *default\n    url: postgres://pg.acme.dev/cache\n    pool: 6\n", [5, 6]),
    ],
)  # fmt: skip
def test_rails(text: str, made: list[int | None]) -> None:
    """Active Record's five, or what production says; Ruby that is more than a variable and its stand-in is asked for."""
    found = map_of({**GEMS, "config/database.yml": text}, KNOWN)

    assert (sizes(found) if found.clients else []) == made
    assert hosts(found) == ({"pg.acme.dev:5432"} if made else set())


def test_rails_in_a_container() -> None:
    """DATABASE_URL counts before the file, RAILS_MAX_THREADS before its stand-in, and staging has its own."""
    text = f"{DEFAULT}production:\n  <<: *default\n  database: app\nstaging:\n  <<: *default\n  database: app\n  pool: 2\n"
    files = {**GEMS, "config/database.yml": text}
    url = {"DATABASE_URL": "postgres://pg.two/app"}

    assert sizes(map_of(files | compose(url | {"RAILS_MAX_THREADS": "16"}), KNOWN)) == [16]
    assert sizes(map_of(files | compose(url | {"RAILS_ENV": "staging"}), KNOWN)) == [2]
    assert sizes(map_of(files | compose(url), KNOWN)) == [5]
    assert sizes(
        map_of(
            files | {".env.production": "DATABASE_URL=postgres://pg.two/app\nRAILS_MAX_THREADS=9\n"}, KNOWN
        )
    ) == [9]
    (alone,) = map_of(files, KNOWN).routes
    assert alone.variable == "DATABASE_URL"


# --- Django ---

DJANGO = {
    "requirements.txt": "django==5.2.1\npsycopg[binary,pool]==3.2.9\ngunicorn==23.0.0\n",
    "manage.py": "import django\n",
}
PARTS = '"ENGINE": "django.db.backends.postgresql", "HOST": "pg.acme.dev", "NAME": "app", "USER": "app"'


def django(databases: str, path: str = "shop/settings.py", procfile: str = "") -> dict[str, str]:
    """A program of Django; DATABASES is one expression."""
    text = f"import os, dj_database_url\nDATABASES = {databases}\n"
    return {**DJANGO, path: text, **({"Procfile": f"web: {procfile}\n"} if procfile else {})}


@pytest.mark.parametrize(
    ("databases", "procfile", "made"),
    [
        (f'{{"default": {{{PARTS}}}}}', "gunicorn shop.wsgi --workers 3", [1]),
        (f'{{"default": {{{PARTS}}}}}', "gunicorn shop.wsgi --workers 3 --threads 4", [4]),
        (f'{{"default": {{{PARTS}}}}}', "", [None]),
        (f'{{"default": {{{PARTS}, "OPTIONS": {{"pool": True}}}}}}', "", [4]),
        (f'{{"default": {{{PARTS}, "OPTIONS": {{"pool": {{"min_size": 2, "max_size": 20}}}}}}}}', "", [20]),
        (f'{{"default": {{{PARTS}, "OPTIONS": {{"pool": {{"max_size": int(os.getenv("POOL", "8"))}}}}}}}}', "", [8]),
        (f'{{"default": {{{PARTS}, "OPTIONS": {{"pool": {{"max_size": size()}}}}}}}}', "", [None]),
        ('{"default": dj_database_url.parse("postgres://app@pg.acme.dev/app", conn_max_age=60)}', "gunicorn shop.wsgi", [1]),
        ('{"default": dj_database_url.config(default="postgres://app@pg.acme.dev/app")}', "", [None]),
        (f'{{"default": {{{PARTS}}}, "log": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}}}', "gunicorn shop.wsgi", [1]),
    ],
)  # fmt: skip
def test_django(databases: str, procfile: str, made: list[int | None]) -> None:
    """One connection for each thread, or the pool of its OPTIONS."""
    found = map_of(django(databases, procfile=procfile), KNOWN)

    assert sizes(found) == made
    assert hosts(found) == {"pg.acme.dev:5432"}


def test_django_parts_of_an_env_file() -> None:
    """Parts without a port, in variables of any name."""
    parts = '{"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["SHOP_DB"], "NAME": os.environ.get("SHOP_NAME", "shop"), "PASSWORD": os.environ["SHOP_PASSWORD"]}}'
    env = {".env.production": "SHOP_DB=10.20.0.5\nSHOP_PASSWORD=s3cretpw\n"}
    made = map_of(django(parts) | env, KNOWN)

    assert hosts(made) == {"10.20.0.5:5432"}
    assert [(each.variable, each.database) for each in made.routes] == [("SHOP_DB", "shop")]


def test_django_settings_of_stages() -> None:
    """Production's settings count before those of every stage, and the environment may choose others."""
    files = django(f'{{"default": {{{PARTS}}}}}', "config/settings/base.py")
    for stage, most in (("production", 12), ("staging", 6), ("local", 2)):
        files[f"config/settings/{stage}.py"] = (
            f'from .base import *\nDATABASES["default"]["OPTIONS"] = {{"pool": {{"max_size": {most}}}}}\n'
        )

    assert sizes(map_of(files, KNOWN)) == [12]
    other = compose({"DJANGO_SETTINGS_MODULE": "config.settings.staging"})
    assert sizes(map_of(files | other, KNOWN)) == [6]


# --- Laravel ---

PHP = {"composer.json": '{"name": "acme/shop", "require": {"laravel/framework": "^12.0"}}'}
DATABASE_PHP = """<?php
return [
    'default' => env('DB_CONNECTION', 'sqlite'),
    'connections' => [
        'sqlite' => ['driver' => 'sqlite'],
        'mysql' => [
            'driver' => 'mysql',
            'host' => env('DB_HOST', '127.0.0.1'),
        ],
        'pgsql' => [
            'driver' => 'pgsql',
            'url' => env('DB_URL'),
            'host' => env('DB_HOST', '127.0.0.1'),
            'port' => env('DB_PORT', '5432'),
            'database' => env('DB_DATABASE', 'laravel'), // its name
            'options' => [PDO::ATTR_PERSISTENT => true],
        ],
    ],
];
"""


@pytest.mark.parametrize(
    ("env", "made"),
    [
        ("DB_CONNECTION=pgsql\nDB_HOST=pg.acme.dev\nDB_DATABASE=shop\n", [1]),
        ("DB_CONNECTION=pgsql\nDB_URL=postgres://pg.acme.dev/shop\n", [1]),
        ("DB_CONNECTION=mysql\nDB_HOST=my.acme.dev\n", []),
        ("APP_ENV=production\n", []),
    ],
)
def test_laravel(env: str, made: list[int | None]) -> None:
    """One connection for each process of PHP, whose number is asked for; of another database none."""
    found = map_of({**PHP, "config/database.php": DATABASE_PHP, ".env.production": env}, KNOWN)

    assert (sizes(found) if found.clients else []) == made
    assert hosts(found) == ({"pg.acme.dev:5432"} if made else set())
    assert {each.what for each in found.questions} == ({"processes"} if made else set())


# --- Ecto ---

MIX = {
    "mix.exs": 'defmodule Shop.MixProject do\n  defp deps do\n    [{:ecto_sql, "~> 3.10"}, {:postgrex, ">= 0.0.0"}]\n  end\nend\n'
}
RUNTIME = """import Config

if config_env() == :prod do
  database_url =
    System.get_env("DATABASE_URL") ||
      raise \"\"\"
      environment variable DATABASE_URL is missing.
      For example: ecto://USER:PASS@HOST/DATABASE
      \"\"\"

  config :shop, Shop.Repo,
    # ssl: true,
    url: database_url,
    pool_size: POOL,
    socket_options: [:inet6]

  config :shop, ShopWeb.Endpoint,
    url: [host: "shop.dev", port: 443]
end
"""


@pytest.mark.parametrize(
    ("pool", "made"),
    [
        ('String.to_integer(System.get_env("POOL_SIZE") || "10")', 10),
        ('String.to_integer(System.get_env("POOL_SIZE", "15"))', 15),
        ('System.get_env("POOL_SIZE", "15") |> String.to_integer()', 15),
        ("20", 20),
        ('String.to_integer(System.fetch_env!("POOL_SIZE"))', None),
        ("System.schedulers_online() * 2", None),
    ],
)
def test_ecto(pool: str, made: int | None) -> None:
    """The repo's pool of a release, and DATABASE_URL as its string; a URL of the site is none of it."""
    files = {
        **MIX,
        "config/runtime.exs": RUNTIME.replace("POOL", pool, 1)
        if "POOL_SIZE" not in pool
        else RUNTIME.replace("pool_size: POOL", f"pool_size: {pool}"),
    }
    dev = 'import Config\nconfig :shop, Shop.Repo,\n  hostname: "localhost",\n  pool_size: 3\n'
    found = map_of(files | {"config/dev.exs": dev}, KNOWN)

    assert sizes(found) == [made]
    assert [each.variable for each in found.routes] == ["DATABASE_URL"]
    env = {".env.production": "DATABASE_URL=ecto://app@pg.acme.dev/shop\nPOOL_SIZE=33\n"}
    assert sizes(map_of(files | env, KNOWN)) == [33 if "POOL_SIZE" in pool else made]


def test_ecto_default() -> None:
    """Ten for each repo where nothing is said; two repos are two pools."""
    text = 'import Config\nconfig :shop, Shop.Repo, url: System.fetch_env!("DATABASE_URL")\nconfig(:shop, Shop.ReadRepo, [url: "ecto://pg.two/shop", pool_size: 4])\n'
    found = map_of(
        {**MIX, "config/prod.exs": text, ".env.production": "DATABASE_URL=ecto://app@pg.acme.dev/shop\n"},
        KNOWN,
    )

    assert sorted(sizes(found), key=str) == [10, 4]


def test_django_of_either_database() -> None:
    """SQLite where no variable is set, as developers have it, and requirements that stand in another file."""
    files = django("{}", procfile="gunicorn shop.wsgi")
    files["shop/settings.py"] = """import os, dj_database_url
if "DATABASE_URL" in os.environ:
    DATABASES = {"default": dj_database_url.config(conn_max_age=500)}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}
"""
    files |= {
        "requirements.txt": "-r requirements/production.txt\n",
        "requirements/production.txt": DJANGO["requirements.txt"],
    }
    made = map_of(files, KNOWN)

    assert sizes(made) == [1]
    assert [each.variable for each in made.routes] == ["DATABASE_URL"]


def test_django_that_others_may_change() -> None:
    """What stands behind DATABASES may set it anew: how many connections a thread has is asked for."""
    files = django(f'{{"default": {{{PARTS}}}}}', procfile="gunicorn shop.wsgi")
    files["shop/settings.py"] += "from .local import *\n"

    assert sizes(map_of(files, KNOWN)) == [None]


# --- Deno, and env files that stand apart ---


@pytest.mark.parametrize(
    "head",
    [
        "import postgres from 'npm:postgres@3.4.5'",
        "import postgres from 'https://deno.land/x/postgresjs@v3.4.5/mod.js'",
        "import postgres from 'https://esm.sh/postgres@3'",
        "const { default: postgres } = await import('npm:postgres')",
    ],
)
def test_deno(head: str) -> None:
    """A pool of a module by any of its names, in a folder without a manifest."""
    text = f"{head}\nexport const sql = postgres(Deno.env.get('SUPABASE_DB_URL'), {{ max: 3 }})\n"
    made = map_of({"supabase/functions/list/index.ts": text}, KNOWN)

    assert sizes(made) == [3]
    assert [each.variable for each in made.routes] == ["SUPABASE_DB_URL"]


def test_env_file_in_a_folder_of_no_package() -> None:
    """deploy/.env.backend is the backend's: by its name, where several programs have a driver."""
    code = "import asyncpg, os\nasync def main():\n    global pool\n    pool = await asyncpg.create_pool(os.environ['DATABASE_URL'], max_size=20)\n"
    one = {"backend/requirements.txt": "asyncpg==0.30.0\n", "backend/db.py": code}
    env = {"deploy/.env.backend": "DATABASE_URL=postgresql://app@pg.acme.dev/app\n"}
    other = {"jobs/requirements.txt": "psycopg==3.2.9\n"}

    for files in (one | env, one | env | other):
        made = map_of(files, KNOWN)
        assert (sizes(made), hosts(made)) == ([20], {"pg.acme.dev:5432"})


def test_quarkus_version_of_its_platform() -> None:
    """The dependencies name no version: the imported platform's is theirs."""
    platform = """<properties><quarkus.platform.group-id>io.quarkus.platform</quarkus.platform.group-id><quarkus.platform.version>3.38.2</quarkus.platform.version></properties>
<dependencyManagement><dependencies><dependency><groupId>${quarkus.platform.group-id}</groupId><artifactId>quarkus-bom</artifactId>
<version>${quarkus.platform.version}</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>"""
    pom = QUARKUS.replace("<version>VERSION</version>", "").replace(
        "<artifactId>link</artifactId>", f"<artifactId>link</artifactId>{platform}"
    )
    text = "quarkus.datasource.jdbc.url=jdbc:postgresql://pg.acme.dev/x\n"

    assert sizes(map_of({"pom.xml": pom, f"{RESOURCES}application.properties": text}, KNOWN)) == [50]


def test_a_key_that_is_called_type() -> None:
    """quarkus.stork.a.type: kubernetes, in a ConfigMap, leads to no server."""
    text = """apiVersion: apps/v1
kind: Deployment
metadata: {name: fights}
spec: {replicas: 2, selector: {matchLabels: {app: fights}}, template: {metadata: {labels: {app: fights}}, spec: {containers: [{name: fights, image: acme/fights, envFrom: [{configMapRef: {name: fights}}]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fights}
data: {quarkus.stork.heroes.type: kubernetes}
"""
    assert map_of({"k8s/all.yaml": text}, KNOWN).clients == ()


def test_a_string_in_a_property_has_its_name() -> None:
    """`-Dname=` is the property's name, not an option of one letter more."""
    command = "java -Dspring.datasource.url=jdbc:postgresql://pg.one/x -jar app.jar"
    made = map_of(
        spring(application_properties="spring.datasource.username=app\n") | compose({}, command=command),
        KNOWN,
    )

    assert [each.variable for each in made.routes] == ["spring.datasource.url"]

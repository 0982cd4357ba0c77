"""What a config file of an ORM or a framework says about the database: the subject of the 3xx rules."""

from typing import Literal

from poolcheck.connection.secret import Secret
from poolcheck.connection.string import ConnectionString
from poolcheck.model.config_text import Written
from poolcheck.model.problem import Location
from poolcheck.model.project import UNKNOWN_VERSION, Package, Role, Version
from poolcheck.model.source import Site
from poolcheck.record import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigUrl:
    """One place of a config file that is, or is a part of, a connection string."""

    key: str  # "datasource.url", "default.HOST", "production.password"
    role: Role
    location: Location
    variables: tuple[str, ...] = ()  # in the order they are tried
    literal: Secret | None = None  # text in the file itself: never printed
    conn: ConnectionString | None = None  # the literal, where it is a connection string of PostgreSQL
    composed: bool = False  # more goes into the value than what is known here
    conditional: bool = False  # in a branch that may not be taken

    @property
    def last(self) -> str:
        """The last part of the key, in lower case: `url`, `host`, `password`."""
        return self.key.rpartition(".")[2].lower()

    @property
    def group(self) -> str:
        """What the parts of one connection have in common."""
        return self.key.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class ConfigSetting:
    """A plain value beside the connection: `pool.max`, `default.CONN_MAX_AGE`."""

    key: str
    value: str
    location: Location
    before: str = ""  # of Django: what stands before the value: `"CONN_MAX_AGE": `, "conn_max_age="


GatewayKind = Literal["asgi", "greenlets", "wsgi"]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A command that serves a project, and by what: ASGI, one greenlet for each request, or WSGI with threads."""

    kind: GatewayKind
    location: Location
    text: str  # the words that say so: "shop.asgi:application"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """One config file: a Prisma schema, a JavaScript config, or a framework's."""

    path: str
    kind: Literal["schema", "config", "framework"]
    tool: str  # the driver id that reads it: "prisma", "drizzle", "django", ...
    location: Location  # of the datasource, or of the file
    version: Version = UNKNOWN_VERSION  # of the tool, in the package
    package: Package = Package()
    urls: tuple[ConfigUrl, ...] = ()
    unread: tuple[ConfigUrl, ...] = ()  # under keys that the tool does not look at
    settings: tuple[ConfigSetting, ...] = ()
    wrapped: str = ""  # the function around the exported object: "defineConfig"
    engine: str = ""  # Prisma 6: "classic"
    generation: int | None = None  # 7 or 8 where the file can only be theirs
    defined: frozenset[str] = frozenset()  # variables that the project's env files define or mention
    # identifiers of a framework's file: what code sets has no value among the settings
    words: frozenset[str] = frozenset()
    gateways: tuple[Gateway, ...] = ()  # of Django: how its project is served
    # variables that appear in some other file that was read: configs, manifests, deployment files
    mentioned: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The subject of its findings."""
        return self.path

    @property
    def major(self) -> int | None:
        """The tool's major version; None when neither the file nor the manifests tell."""
        return self.generation or self.version.major

    def url(self, key: str) -> ConfigUrl | None:
        """The place with that key."""
        return next((url for url in self.urls if url.key == key), None)

    def setting(self, key: str) -> ConfigSetting | None:
        """The setting with that key; the last one counts."""
        return next((setting for setting in reversed(self.settings) if setting.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredKey:
    """A key of a config file that a pool is made with, as one stage has it."""

    name: str  # as drivers/*.toml spell it, or "url", "host", ... for what its string is made of
    key: str  # "spring.datasource.url": as the file has it
    text: Written  # () where only a variable could set it
    location: Location
    variables: tuple[str, ...] = ()  # of the environment: set, one of them counts instead


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPool:
    """A pool that a framework makes by its config files, as one stage of them has it: for the map."""

    path: str
    name: str  # the keys around it: "spring.datasource"
    package: Package
    site: Site  # without options: those are `sizes`, once the environment is known
    stage: str = ""  # "": where no other is chosen
    strings: tuple[ConfiguredKey, ...] = ()  # "url", else the parts
    sizes: tuple[ConfiguredKey, ...] = ()
    chosen_by: Written = ()  # it counts where this is the last of its keys; (): always
    stage_variables: tuple[str, ...] = ()  # of the environment: they choose the stage
    usual: tuple[str, ...] = ()  # the stage of a deployment that does not say which
    spoken: bool = True  # False: no file says that there is a database, only a variable could

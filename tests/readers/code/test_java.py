"""Pools in Java and Kotlin: what each form comes to, as the documentation of its driver has it."""

import pytest

from tests.readers.code.reading import sites, sizes

JAVA = """package app;

import com.zaxxer.hikari.*;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.jdbc.DataSourceBuilder;

class Db {
    FIELDS
    DataSource make() {
        BODY
    }
}
"""
KOTLIN = """package app

import com.zaxxer.hikari.HikariConfig
import com.zaxxer.hikari.HikariDataSource

FIELDS
fun make(): HikariDataSource {
    BODY
}
"""


def java(body: str, fields: str = "") -> str:
    """A class with one method."""
    return JAVA.replace("BODY", body).replace("FIELDS", fields)


def kotlin(body: str, fields: str = "") -> str:
    """A file with one function."""
    return KOTLIN.replace("BODY", body).replace("FIELDS", fields)


CONFIG = "HikariConfig c = new HikariConfig(); c.setJdbcUrl(url); c.setMaximumPoolSize(%s); return new HikariDataSource(c);"


@pytest.mark.parametrize(
    ("number", "fields", "size"),
    [
        ("12", "", "12"),
        ("1_0", "", "10"),
        ("MAX", "static final int MAX = 4 * 5;", "20"),
        ("max", "private int max = 7;", "7"),
        ("this.max", "private final int max = 7;", "7"),
        ("max", '@Value("${db.pool-size:10}") private int max;', "${DB_POOL_SIZE:-10}"),
        ("max", '@Value("${db.pool-size}") private int max;', "${DB_POOL_SIZE}"),
        ("max", '@ConfigProperty(name = "db.max", defaultValue = "9") int max;', "${DB_MAX:-9}"),
        ('Integer.parseInt(System.getenv("DB_MAX"))', "", "${DB_MAX}"),
        ('Integer.parseInt(System.getenv().getOrDefault("DB_MAX", "10"))', "", "${DB_MAX:-10}"),
        ('Integer.valueOf(Optional.ofNullable(System.getenv("DB_MAX")).orElse("10"))', "", "${DB_MAX:-10}"),
        (
            'System.getenv("DB_MAX") != null ? Integer.parseInt(System.getenv("DB_MAX")) : 10',
            "",
            "${DB_MAX:-10}",
        ),
        ("Runtime.getRuntime().availableProcessors() * 2", "", "..."),
        ('Integer.getInteger("db.max", 10)', "", "Integer.getInteger"),
        ("settings.getMaxPoolSize()", "", "settings.getMaxPoolSize"),
        ("big ? 50 : 5", "", "..."),
        ("size()", "int size() { return 6; }", "6"),
        ("size()", "int size() { if (big) return 60; return 6; }", "..."),
    ],
)  # fmt: skip
def test_numbers_in_java(number: str, fields: str, size: str) -> None:
    """A number is read where it is certain; what a variable or a property sets is named; all else is computed."""
    assert sizes(java(CONFIG % number, fields), "Db.java") == [size]


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("HikariDataSource d = new HikariDataSource(); d.setJdbcUrl(url); d.setMaximumPoolSize(8); return d;", "8"),
        ("HikariDataSource d = new HikariDataSource(); d.setJdbcUrl(url); return d;", None),
        ("var c = new HikariConfig(); c.setMaximumPoolSize(8); return new HikariDataSource(c);", "8"),
        ("HikariConfig c = new HikariConfig(); c.setMaximumPoolSize(8); HikariDataSource d = new HikariDataSource(c); return d;", "8"),
        ("HikariConfig c = new HikariConfig(); if (big) { c.setMaximumPoolSize(8); } return new HikariDataSource(c);", "..."),
        ("HikariDataSource d = (HikariDataSource) DataSourceBuilder.create().url(url).type(HikariDataSource.class).build(); d.setMaximumPoolSize(8); return d;", "8"),
        ("HikariDataSource d = DataSourceBuilder.create().type(HikariDataSource.class).build(); d.setMaximumPoolSize(8); return d;", "8"),
        ("return DataSourceBuilder.create().url(url).build();", None),
        ("com.zaxxer.hikari.HikariConfig c = new com.zaxxer.hikari.HikariConfig(); c.setMaximumPoolSize(8); return new com.zaxxer.hikari.HikariDataSource(c);", "8"),
    ],
)  # fmt: skip
def test_forms_of_hikari(body: str, size: str | None) -> None:
    """A config, a data source with setters, Spring's builder."""
    assert sizes(java(body), "Db.java") == [size]


@pytest.mark.parametrize(
    ("body", "fields", "size"),
    [
        ("val c = HikariConfig()\n    c.maximumPoolSize = 8\n    return HikariDataSource(c)", "", "8"),
        ("val c = HikariConfig().apply {\n        jdbcUrl = url\n        maximumPoolSize = 8\n    }\n    return HikariDataSource(c)", "", "8"),
        ("return HikariDataSource(HikariConfig().also { it.maximumPoolSize = 8 })", "", "8"),
        ("return HikariDataSource(HikariConfig().apply { this.maximumPoolSize = MAX })", "private const val MAX = 8", "8"),
        ("return HikariDataSource().apply { setMaximumPoolSize(8) }", "", "8"),
        ('val c = HikariConfig()\n    c.maximumPoolSize = System.getenv("DB_MAX")?.toInt() ?: 10\n    return HikariDataSource(c)', "", "${DB_MAX:-10}"),
        ('val c = HikariConfig()\n    c.maximumPoolSize = (System.getenv("DB_MAX") ?: "10").toInt()\n    return HikariDataSource(c)', "", "${DB_MAX:-10}"),
        ("val c = HikariConfig()\n    c.maximumPoolSize = settings.max\n    return HikariDataSource(c)", "", "settings.max"),
        ("val c = HikariConfig()\n    c.maximumPoolSize = size()\n    return HikariDataSource(c)", "fun size() = 6", "6"),
        ("val c = HikariConfig()\n    c.jdbcUrl = url\n    return HikariDataSource(c)", "", None),
    ],
)  # fmt: skip
def test_forms_in_kotlin(body: str, fields: str, size: str | None) -> None:
    """Properties, and blocks that are called on the config."""
    assert sizes(kotlin(body, fields), "Db.kt") == [size]


def test_values_that_a_constructor_is_given() -> None:
    """Spring hands them to parameters, in Java and in Kotlin's class head."""
    constructor = 'private final int max;\n    Db(@Value("${db.max:6}") int max) { this.max = max; }'
    assert sizes(java(CONFIG % "max", constructor), "Db.java") == ["${DB_MAX:-6}"]
    head = 'class Db(@Value("\\${db.max:6}") private val max: Int, private val url: String) {\n  fun make() = HikariDataSource(HikariConfig().apply { maximumPoolSize = max })\n}'
    assert sizes(kotlin("return other", head), "Db.kt") == ["${DB_MAX:-6}"]
    field = 'class Db {\n  @Value("\\${db.max:6}") private var max: Int = 0\n  fun make() = HikariDataSource(HikariConfig().apply { maximumPoolSize = max })\n}'
    assert sizes(kotlin("return other", field), "Db.kt") == ["${DB_MAX:-6}"]


@pytest.mark.parametrize(
    ("imports", "body", "size"),
    [
        ("org.apache.commons.dbcp2.BasicDataSource", "BasicDataSource d = new BasicDataSource(); d.setUrl(url); d.setMaxTotal(9);", "9"),
        ("org.apache.tomcat.jdbc.pool.*", "PoolProperties p = new PoolProperties(); p.setMaxActive(9); DataSource d = new DataSource(p);", "9"),
        ("org.apache.tomcat.jdbc.pool.*", "DataSource d = new DataSource(); d.setUrl(url); d.setMaxActive(9); d.setMaxIdle(3);", "9"),
        ("org.apache.tomcat.jdbc.pool.*", "PoolProperties p = new PoolProperties(); DataSource d = new DataSource(); d.setPoolProperties(p); p.setMaxActive(9);", None),
        ("com.mchange.v2.c3p0.ComboPooledDataSource", "ComboPooledDataSource d = new ComboPooledDataSource(); d.setJdbcUrl(url); d.setMaxPoolSize(9);", "9"),
        ("io.r2dbc.pool.*", "ConnectionPoolConfiguration c = ConnectionPoolConfiguration.builder(f).maxIdleTime(t).maxSize(9).build(); ConnectionPool p = new ConnectionPool(c);", "9"),
        ("io.r2dbc.pool.*", "var p = new ConnectionPool(ConnectionPoolConfiguration.builder(f).maxSize(9).build());", "9"),
        ("io.vertx.pgclient.*", "PoolOptions o = new PoolOptions().setMaxSize(9); PgPool p = PgPool.pool(vertx, c, o);", "9"),
        ("io.vertx.pgclient.PgBuilder", "Pool p = PgBuilder.pool().with(new PoolOptions().setMaxSize(9)).connectingTo(c).using(vertx).build();", "9"),
        ("io.vertx.pgclient.PgBuilder", "PoolOptions o = new PoolOptions().setMaxSize(9); Pool p = PgBuilder.pool().with(o).using(vertx).build();", "9"),
        ("io.agroal.api.AgroalDataSource", "var s = new AgroalDataSourceConfigurationSupplier().connectionPoolConfiguration(p -> p.maxSize(9).minSize(1)); AgroalDataSource d = AgroalDataSource.from(s);", "9"),
    ],
)  # fmt: skip
def test_other_pools(imports: str, body: str, size: str | None) -> None:
    """Each pool that people take instead of HikariCP."""
    source = f"import {imports};\n\nclass Db {{\n    void make() {{ {body} }}\n}}\n"
    assert sizes(source, "Db.java") == [size]


def test_two_pools_do_not_share_a_size() -> None:
    """Each is made of its own config."""
    body = "var a = new HikariConfig(); a.setMaximumPoolSize(20); var b = new HikariConfig(); b.setMaximumPoolSize(5); use(new HikariDataSource(a), new HikariDataSource(b));"
    assert sizes(java(body), "Db.java") == ["20", "5"]


def test_other_databases_are_none_of_ours() -> None:
    """The URL says whose pool it is."""
    other = CONFIG % "5"
    assert not sites(java(other.replace("(url)", '("jdbc:mysql://db/app")')), "Db.java")
    (site,) = sites(java(other.replace("(url)", '("jdbc:postgresql://db/app")')), "Db.java")
    assert site.argument == "postgres"


@pytest.mark.parametrize(
    "head",
    [
        '@Bean @ConfigurationProperties("spring.datasource.hikari")',
        '@Bean @ConfigurationProperties(prefix = "spring.datasource.main")',
    ],
)
def test_what_a_config_file_makes_is_read_there(head: str) -> None:
    """Spring binds the keys of application.properties to it: that file is read as such."""
    bean = f"{head} DataSource ds() {{ return DataSourceBuilder.create().build(); }}"
    assert not sites(java("return null;", bean), "Db.java")
    config = f"{head} HikariConfig config() {{ return new HikariConfig(); }}"
    assert not sites(java("return new HikariDataSource(config());", config), "Db.java")


@pytest.mark.parametrize(
    ("source", "complete"),
    [
        (java("HikariConfig c = new HikariConfig(); c.setJdbcUrl(url); return new HikariDataSource(c);"), True),
        (java("HikariConfig c = new HikariConfig(properties); return new HikariDataSource(c);"), False),
        (java('HikariConfig c = new HikariConfig("/db.properties"); return new HikariDataSource(c);'), False),
        (java("HikariConfig c = new HikariConfig(); tune(c); return new HikariDataSource(c);"), False),
        (java("return new HikariDataSource(config);"), False),
        (java("return new HikariDataSource();"), False),
        (java("return null;", '@ConfigurationProperties("app.db") HikariDataSource ds() { return new HikariDataSource(); }'), False),
    ],
)  # fmt: skip
def test_nobody_else_sets_an_option(source: str, complete: bool) -> None:
    """Only then the default holds."""
    (site,) = sites(source, "Db.java")
    assert site.complete is complete

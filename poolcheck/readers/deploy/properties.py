"""System properties and arguments of a Java program: what `-Dname=value` and `--name=value` set over its config files.

https://docs.spring.io/spring-boot/reference/features/external-config.html#features.external-config.command-line-args,
https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html#using-the-jdk_java_options-launcher-environment-variable,
read 2026-12-01. JAVA_OPTS is no variable of Java's own: the start scripts that people write, and Tomcat's, hand it over.
"""

import re
from collections.abc import Iterable, Mapping

# the later one wins: options of the virtual machine by variable, then by command
VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS")
_PROPERTY = re.compile(r"""(-D|--)([A-Za-z][\w-]{0,99}(?:\.[\w\[\]-]{1,100}){1,20})=["']?([^"'\s]*)["']?""")


def with_properties(environment: Mapping[str, str | None], command: Iterable[str]) -> dict[str, str | None]:
    """An environment, and beside it the dotted names that its options and a command set; None where a shell fills them in."""
    words = [word for name in VARIABLES for word in (environment.get(name) or "").split()]
    words += [word for text in command for word in text.split()]
    found = [match.groups() for word in words if (match := _PROPERTY.fullmatch(word)) is not None]
    found.sort(key=lambda each: each[0] == "--")  # an argument beats a system property
    return {**environment, **{name: None if "$" in value else value for _, name, value in found}}

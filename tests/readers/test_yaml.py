"""YAML with line numbers: what is read as YAML says, what is refused whole, and what hostile texts cost."""

import time
from collections.abc import Callable, Iterator

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from poolcheck.readers.deploy import compose, kubernetes
from poolcheck.readers.yaml import Node, documents


def plain(node: Node) -> object:
    """The value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(inner) for key, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


@pytest.fixture(params=["libyaml", "python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's scanners: the one in C, and the one where that was not built."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML without libyaml")
    return str(request.param)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb:\n  - x\n  - y: 2\n    z: 3\n", {"a": "1", "b": ["x", {"y": "2", "z": "3"}]}),
        ("a:\n- x\n- y\nb: c", {"a": ["x", "y"], "b": "c"}),
        ("a: [x, 'y, z', {q: 1}]", {"a": ["x", "y, z", {"q": "1"}]}),
        ("a: [x,\n    y]\nb: 1", {"a": ["x", "y"], "b": "1"}),
        ("a: 'it''s' # note\nb: \"q\\\"r\"", {"a": "it's", "b": 'q"r'}),
        ("a: http://x:1/y#z\nb: c # d", {"a": "http://x:1/y#z", "b": "c"}),
        ("a: |\n  one: 1\n  two\nb: 2", {"a": "one: 1\ntwo", "b": "2"}),
        ("x: &x\n  p: 1\n  q: 2\ny:\n  <<: *x\n  q: 3", {"x": {"p": "1", "q": "2"}, "y": {"p": "1", "q": "3"}}),
        ("a:\n  b:\nc:", {"a": {"b": ""}, "c": ""}),
        ("- - a\n  - b\n- c", [["a", "b"], "c"]),
        ("a: one\n  two\nb: 1", {"a": "one two", "b": "1"}),
        ("# only\n---\na: 1\n...", {"a": "1"}),
        ("--- a\n", "a"),
        ("yes: no\nnull: ~\n1: 2024-01-01\na: 0o17", {"yes": "no", "null": "~", "1": "2024-01-01", "a": "0o17"}),
        ("a: 1\nb: 2\na: 3", {"a": "3", "b": "2"}),
        ('a: "\\u00e9\\n\\x41 \\\n  b"', {"a": "é\nA b"}),
        ("? a\n: b\n? c", {"a": "b", "c": ""}),
        ("a: |2\n    b\n   c\nd: 1", {"a": "  b\n c", "d": "1"}),
        ("a: |\n\n  b\n", {"a": "\nb"}),
        ("a: >\n  one\n  two\n\n  three\n   four\n", {"a": "one two\nthree\n four"}),
        ("a: one\n\n  two", {"a": "one\ntwo"}),
        ("\ufeffa: 1\r\nb: |\r\n  c\r\n  d\r\n", {"a": "1", "b": "c\nd"}),
        ("a: !Ref b\nc: [!Sub 'd', !Split [\",\", e]]\nf: !x {g: !!int 1}", {"a": "b", "c": ["d", [",", "e"]], "f": {"g": "1"}}),
        ("x: &x {a: 1}\ny: &y {a: 2, b: 3}\nz: {<<: [*x, *y], c: 4}", {"x": {"a": "1"}, "y": {"a": "2", "b": "3"}, "z": {"c": "4", "a": "1", "b": "3"}}),
        ("a: &b {c: 1}\nd: {'<<': *b}", {"a": {"c": "1"}, "d": {"<<": {"c": "1"}}}),
        ("a: &b 1\nc: *b\nd: &b 2\ne: *b", {"a": "1", "c": "1", "d": "2", "e": "2"}),
        ("&k a: 1\nb: {*k : 2}", {"a": "1", "b": {"a": "2"}}),
        ("a: x\x85y\u2028z\rw", {"a": "x y z w"}),
        ("a: [b: c, d]", {"a": [{"b": "c"}, "d"]}),
        ("a: ${B:-c}\nd: foo{{ e }}", {"a": "${B:-c}", "d": "foo{{ e }}"}),
        ('{"a": ["b", {"c":1}]}', {"a": ["b", {"c": "1"}]}),
    ],
)  # fmt: skip
def test_documents(text: str, value: object) -> None:
    """Scalars are the text that is written, whatever they would be to a program."""
    (made,) = documents(text)

    assert plain(made) == value


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "text",
    [
        # templates
        "a: {{ .Values.x }}\n", "{{- if .Values.x }}\na: 1\n{{- end }}\n", 'a: 1\n{{ include "x" . | nindent 2 }}\n',
        "- {{ x }}", "{{ x }}: 1", "a: [{{ x }}]", "a: '{{ x }}'\n---\nb: {{ y }}", "{% if a %}\nb: 1\n{% endif %}", "<% a %>: {b", "a: %b",
        # broken
        "a:\n\t- b\n", "a: [b\n", "a: 'b\n", "a: b: c\n  d: e\n", "a: b\n c: d", "a: [b]]", "a: @b", "- a\nb: 1", "a: 1\n---\nb: [",
        # a name that stands for nothing, or for what it stands in
        "a: *nobody\n", "&a [*a]", "x: &x {<<: *x}", "a: &a 1\nb: &a [*a]", "a: &a 1\n---\nb: *a",
        # what no map of ours has for a key
        "[a]: b", "{a: b}: c", "? - a\n: b",
        # characters
        "a: \x00", "a: b\x07", 'a: "\\0"', "a: \ud800", 'a: "\\ud800"', 'a: "\\U00110000"', "a: \x1b[31m",
        # deep, long
        "[" * 500, "- " * 300, "[" * 100_000, "- " * 100_000, '{"a":' * 100_000, "? " * 100_000, "a: " + "x" * 2_000_000,
        "%YAML 2.0\n---\na: 1", "%TAG !a! b\n" * 200 + "---\na: 1", "a: !b!c d",
    ],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    """Templates, broken files and hostile ones give no document at all; nothing is raised."""
    assert documents(text) == []


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("text", ["", "# a\n", "---\n", "---\n# a\n---\n...\n", "\ufeff", "\n \n", "&a\n"])
def test_nothing_in_it(text: str) -> None:
    """A document with nothing in it is none."""
    assert documents(text) == []


PLACES = """\
# note
plain: 1
below:
  text
list:
  - a
  -
    b: c
same:
- d
flow: [e,
  {f: g},
  h]
named: &named

  # note
  i: j
tagged: !x
  - k
merged:
  <<: *named
  l: 'm
    n'
block: |
  o
empty:
"""


@pytest.mark.usefixtures("loader")
def test_places() -> None:
    """A scalar, bracket, first key or first dash stands where it is written; what an alias brings, where it was."""
    (made,) = documents(PLACES)

    def rows(node: Node) -> Iterator[tuple[object, int]]:
        yield node.text, node.line
        for inner in (*node.pairs.values(), *node.items):
            yield from rows(inner)

    assert list(rows(made)) == [
        (None, 2), ("1", 2), ("text", 4), (None, 6), ("a", 6), (None, 8), ("c", 8), (None, 10), ("d", 10),
        (None, 11), ("e", 11), (None, 12), ("g", 12), ("h", 13), (None, 17), ("j", 17), (None, 19), ("k", 19),
        (None, 21), ("m n", 22), ("j", 17), ("o", 24), ("", 26),
    ]  # fmt: skip


@pytest.mark.usefixtures("loader")
def test_several_documents_keep_their_lines() -> None:
    """Lines count through the whole file, by its line feeds alone."""
    first, second = documents("a: 1\n---\n# note\u2028\x85\nb:\r\n  c: 2\n")

    assert first.get("a") == Node("1", 1)
    assert second.get("b", "c") == Node("2", 5)


@pytest.mark.usefixtures("loader")
def test_quoted() -> None:
    """Text in quotes or in a block is text, though it looks like something else."""
    (made,) = documents("- null\n- 'null'\n- \"1\"\n- |\n  yes\n- >\n  no\n- !x y\n")

    assert [item.quoted for item in made.items] == [False, True, True, True, True, False]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "make",
    [
        lambda n: "a" + " " * n + "b",
        lambda n: "a: [" + "x, " * n + "x]",
        lambda n: "a: [" + ("\n " + "x," * (n // 200)) * 200 + "]",
        lambda n: 'a: "' + ("\n \\" + '"' * (n // 200)) * 200,
        lambda n: "x: &x\n" + "".join(f"  k{i}: 1\n" for i in range(n // 10)) + "m:\n  <<: *x\n" * (n // 10),
        lambda n: "x: &x {a: 1}\nm: {<<: [" + "*x, " * n + "*x]}\n",
        lambda n: "l: &l [" + "{}, " * n + "]\nm: {" + "<<: *l, " * n + "}\n",
        lambda n: "a: " + "&x " * n,
        lambda n: "# x\n" * (n // 10) + "services: {" + "".join(f"s{i}: {{image: x}}, " for i in range(n // 10)) + "}",
        lambda n: "".join(f"%TAG !{i}! b\n" for i in range(n)),
        lambda n: "".join(f"%TAG !{i}! b\n--- !{i}!x a\n...\n" for i in range(n // 10)),
        lambda n: "".join(" " * i + "a:\n" for i in range(int(n**0.5))),
        lambda n: "? a\n" * n,
        lambda n: ("- " + "[" * 50 + "]" * 50 + "\n") * (n // 100),
        lambda n: "a: |\n" + "\n" * n,
        lambda n: "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(n // 10)),
        lambda n: ("k" * 2000 + ": 1\n") * (n // 2000),
    ],
)  # fmt: skip
def test_hostile_yaml_takes_linear_time(make: Callable[[int], str], loader: str) -> None:
    """Long rows, open brackets and quotes, merges of merges: processor seconds; quadratic work takes minutes."""
    text = make(200_000 if loader == "libyaml" else 20_000)
    start = time.process_time()

    documents(text)
    compose.read(text, "compose.yml")

    assert time.process_time() - start < 8


def test_laughs_do_not_multiply() -> None:
    """Forty aliases that double each other are forty nodes; what nests or merges too much through them is not read."""

    def laughs(levels: int) -> str:
        rows = "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(levels))
        return "a0: &a0 [x, x]\n" + rows

    (made,) = documents(laughs(40))

    assert len(made.pairs["a40"].items) == 2
    assert documents(laughs(80)) == []
    wide = "x: &x\n" + "".join(f"  k{i}: 1\n" for i in range(2000))
    assert documents(wide + "".join(f"m{i}:\n  <<: *x\n" for i in range(200))) == []


@given(st.text(alphabet="ab:-&*<|>[]{}'\"#!,\n \t\r\\?%.~@\ufeff\x85\u2028", max_size=300), st.booleans())
def test_no_yaml_raises(text: str, python: bool) -> None:
    """Whatever stands in a file; no row is counted that a file does not have."""
    with pytest.MonkeyPatch.context() as patch:
        if python:
            patch.delattr(yaml, "CSafeLoader", raising=False)
        made = documents(text)
    compose.read("services:\n" + text, "compose.yml")
    kubernetes.read("apiVersion: v1\nkind: Deployment\n" + text, "k8s.yaml")

    assert all(1 <= document.line <= text.count("\n") + 1 for document in made)


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
TREES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(TREES.filter(bool), st.sampled_from([None, True, False]), st.sampled_from([None, "'", '"']))
def test_what_is_written_is_read(tree: object, flow: bool | None, style: str | None) -> None:
    """What PyYAML writes is read as it was, in every style of collections and quotes."""
    text = yaml.safe_dump(tree, default_flow_style=flow, default_style=style)

    assert [plain(document) for document in documents(text)] == [tree]

"""How a manifest is read: as kubectl reads it, with the line of everything, and with words for whatever is wrong in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from labkit.kinds.manifest.reader import ManifestError, read
from labkit.kinds.manifest.words import path_of
from labkit.services.cluster.binaries import found

WORDS = [
    *("y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On"),
    *("ON", "oN", "off", "OFF", "true", "True", "TRUE", "null", "Null", "NULL", "~", "1234e5"),
    *("1e3", "1.5", ".5", "1_000", "0o400", "0400", "0x1F", "08", "09", "0o8", "22:30", "190:20:30"),
    *(
        "+1",
        "-1",
        "1.",
        "5.",
        "0b11",
        "12e03",
        "6.8523015e+5",
        "0.1e-1",
        "1e",
        "1e+",
        "2026-01-01",
        "2026-01-01T10:00:00Z",
    ),
    *("=", "0777", "-0400", "+0400", "0.0", "-0", "1__0", "_1", "0o", "0x", ".", ".."),
    *("1-2", "1.2.3", "0x1G", "1,000", ".e5", "5.e3", "123456789012345678901234567890", "null0"),
]
HEAD = "apiVersion: v1\nkind: ConfigMap\n"


def test_words_mean_what_they_mean_to_kubectl(tmp_path: Path):
    """PyYAML would read some of them otherwise (sigs.k8s.io/yaml, seen with kubectl 1.34)."""
    kubectl = found("kubectl")
    if not kubectl:
        pytest.skip("not run: kubectl is not here")
    text = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\nspec:\n"
    text += "".join(f"  k{number}: {word}\n" for number, word in enumerate(WORDS))
    (tmp_path / "words.yaml").write_text(text)
    command = [kubectl, "annotate", "--local", "--filename", tmp_path / "words.yaml", "a=b", "--output", "json"]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["spec"]
    ours = read(text)[0].item["spec"]
    assert {word: ours[f"k{n}"] for n, word in enumerate(WORDS)} == {
        word: theirs.get(f"k{n}") for n, word in enumerate(WORDS)
    }
    assert [type(ours[key]) for key in ours] == [type(theirs.get(key)) for key in ours]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no object in it"),
        ("# only a comment\n---\n", "There is no object in it"),
        ("- x", "Line 1: An object is expected here .* and there is a list"),
        ("just words", "and there is a text"),
        ("kind: Pod", "Line 1: The object that begins here has no `apiVersion`"),
        (HEAD, "Line 1: The ConfigMap that begins here needs a name, a text, at metadata.name: it is missing"),
        (HEAD + "metadata: {name: n}", "it is false to Kubernetes, so put it into quotes"),
        (HEAD + "metadata: {name: 007}", "it is 7 to Kubernetes"),
        (HEAD + "\tmetadata: {}", "Line 3: There is a tab"),
        (HEAD + "metadata:\n  name: x\n data: {}", "Line 5: The indentation does not fit"),
        ("a: b: c", "Line 1: There is a `:` too many"),
        (HEAD + "metadata: *x", "a `\\*name` needs an `&name` before it"),
        ("{" * 100, "This is no YAML"),
        ("[" * 3000, "levels"),
        ("a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]", "more than 20,000 values"),
        ("a: &a [*a]", "levels"),
        ("\x00", "This is no YAML"),
        ("'", "This is no YAML"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_said_with_its_line(text: str, words: str):
    with pytest.raises(ManifestError, match=words):
        read(text)


def test_several_documents_and_lists_are_objects_in_their_order():
    text = f"{HEAD}metadata: {{name: one}}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: two\n"
    one, two = read(text)
    assert (one.title, two.title) == ("ConfigMap one", "Secret two")
    assert two.line_of(("metadata", "name")) == 12


def test_a_key_that_stands_twice_is_told_with_both_lines():
    """kubectl takes the last one, and says nothing."""
    (one,) = read(HEAD + "metadata: {name: x}\ndata:\n  a: '1'\n  a: '2'\n")
    assert one.item["data"] == {"a": "2"}
    assert one.notes == [
        "Line 6: `a` stands here for the second time (first on line 5). kubectl says nothing, and takes the last one."
    ]


def test_the_servers_paths_lead_to_lines():
    """Also where the server names an item of a list by its key."""
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - name: a\n      image: b\n    - name: c\n      imag: d\n"
    (pod,) = read(text)
    for path in ("spec.containers[1].imag", '.spec.containers[name="c"].imag'):
        assert pod.line_of(path_of(path, pod)) == 9


def test_tags_run_nothing():
    """A text is data, whatever it says that it is."""
    (one,) = read(HEAD + "metadata: {name: x}\ndata: {a: !!python/object/apply:os.system [true]}")
    assert one.item["data"] == {"a": [True]}

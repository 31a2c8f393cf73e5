"""Nothing but an InputError, with file and line, comes out of a bad file."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st

from emirimg.cli import main
from emirimg.exceptions import InputError
from emirimg.instrument import H2RG, HAWAII2
from emirimg.io.numina import read_blocks, read_control

DATA = Path(__file__).parent / "data"

GOOD = """\
id: _1
instrument: EMIR
mode: STARE_IMAGE
frames:
 - a.fits
requirements:
  reprojection_method: interp
enabled: False
---
id: _c
instrument: EMIR
mode: FULL_DITHERED_IMAGE
children:
 - _1
requirements:
  iterations: 0
  sky_images: 0
enabled: True
"""


def edited(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new, 1)


# (what is in the file, line of the problem, words of the message)
BAD_BLOCKS = {
    "empty": ("", 1, "no document"),
    "only a comment": ("# nothing\n", 1, "no document"),
    "a word": ("hello\n", 1, "found 'hello'; a mapping"),
    "a number": ("12\n", 1, "found 12"),
    "a list": ("- a\n- b\n", 1, "a mapping with the keys id"),
    "trailing separator": (GOOD + "---\n", 19, "the document is empty"),
    "missing separator": (edited("---\n", ""), 9, "already in line 1"),
    "tab": (edited("  reproj", "\treproj"), 7, "not valid YAML"),
    "tab in list": (edited(" - a.fits", "\t- a.fits"), 5, "not valid YAML"),
    "unclosed bracket": (edited("\n - a.fits", " [a.fits"), 5, "(from line 4)"),
    "unclosed quote": (edited("_c", '"_c'), 19, "not valid YAML"),
    "colon in value": (edited("a.fits", "a: b: c"), 5, "not valid YAML"),
    "unknown anchor": (edited("_c", "*c"), 10, "alias"),
    "alias": (edited("_1", "&x _1") + "labels: {a: &b 1, c: *b}\n", 19, "alias"),
    "alias bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 2, "alias *a is not supported",
    ),
    "recursive alias": ("a: &a [*a]\n", 1, "alias"),
    "deep lists": ("a: " + "[" * 3000, 1, "levels"),
    "deep mappings": ("a: " + "{a: " * 3000, 1, "levels"),
    "merge key": (edited("enabled: False", "<<: {enabled: False}"), 8, "unknown key"),
    "duplicate key": (edited("enabled: False", "mode: STARE_IMAGE"), 8, "already in line 3"),
    "nested duplicate": (
        edited("  sky_images: 0", "  iterations: 0"), 17, "already in line 16",
    ),
    "complex key": (edited("enabled: False", "? [a, b]\n: c"), 8, "single word"),
    "python object": (
        edited("_1", "!!python/object/apply:os.system [ls]"), 1, "not supported",
    ),
    "unknown tag": (edited("_1", "!mine x"), 1, "tagged '!mine'"),
    "binary tag": (edited("_1", "!!binary x"), 1, "not supported"),
    "set tag": (edited("frames:\n - a.fits", "frames: !!set {a}"), 4, "not supported"),
    "bad int": (edited("iterations: 0", "iterations: !!int ''"), 16, "type int"),
    "bad bool": (edited("enabled: True", "enabled: !!bool perhaps"), 18, "type bool"),
    "bad directive": ("%YAML 9.9\n---\n" + GOOD, 1, "not valid YAML"),
    "no id": (edited("id: _c\n", ""), 10, "id: is missing"),
    "no mode": (edited("mode: STARE_IMAGE\n", ""), 1, "mode: is missing"),
    "no instrument": (edited("instrument: EMIR\n", ""), 1, "instrument: is missing"),
    "other instrument": (edited("EMIR", "MEGARA"), 2, "found 'MEGARA', expected 'EMIR'"),
    "other mode": (edited("STARE_IMAGE", "STARE_SPECTRA"), 3, "'STARE_SPECTRA' is not an imaging"),
    "misspelt mode": (edited("STARE_IMAGE", "STARE_IMAG"), 3, "did you mean 'STARE_IMAGE'"),
    "list as mode": (edited("mode: STARE_IMAGE", "mode: [STARE_IMAGE]"), 3, "not an imaging mode"),
    "unknown key": (edited("enabled: False", "enable: False"), 8, "did you mean 'enabled'"),
    "unknown requirement": (
        edited("reprojection_method", "reprojecton"), 7, "did you mean 'reprojection_method'",
    ),
    "bad choice": (edited("interp", "linear"), 7, "'interp', 'adaptive', 'exact' or 'none'"),
    "word as count": (edited("iterations: 0", "iterations: two"), 16, "found 'two'"),
    "negative count": (edited("iterations: 0", "iterations: -1"), 16, "greater than or equal"),
    "bool as count": (edited("iterations: 0", "iterations: yes"), 16, "found True"),
    "fraction": (edited("sky_images: 0", "sky_images: 2.5"), 17, "found 2.5"),
    "nan": (
        edited("sky_images: 0", "sky_images_sep_time: .nan"), 17, "sky_images_sep_time: found nan",
    ),
    "no sky for objects": (edited("iterations: 0", "iterations: 1"), 15, "sky_images must be"),
    "sky without objects": (edited("sky_images: 0", "sky_images: 6"), 15, "iterations must be"),
    "both corrections": (
        edited(
            "sky_images: 0",
            "nside_adhoc_sky_correction: 10\n  adhoc_sky_correction_h2rg: True",
        ), 15, "exclude each other",
    ),
    "limits of a mean": (
        edited("sky_images: 0", "method: mean\n  method_kwargs: {low: 2}"), 15, "sigmaclip",
    ),
    "unknown limit": (
        edited("sky_images: 0", "method_kwargs: {hihg: 2}"), 17, "did you mean 'high'",
    ),
    "list of requirements": (
        edited("\n  reprojection_method: interp", " [interp]"), 6, "found ['interp']",
    ),
    "frames not a list": (edited("\n - a.fits", " a.fits"), 4, "frames: found 'a.fits'"),
    "no frames": (edited("False", "True").replace("\n - a.fits", "", 1), 1, "needs frames"),
    "no children": (edited("\n - _1", ""), 10, "needs children"),
    "frames and images": (edited("mode: S", "images: [b]\nmode: S"), 3, "only one"),
    "frames of a combination": (edited("children:", "frames: [b]\nchildren:"), 10, "not frames"),
    "frame twice": (edited(" - a.fits", " - a.fits\n - a.fits"), 4, "listed twice"),
    "frame is a number": (edited("a.fits", "12"), 5, "frames.0: found 12"),
    "frame above": (edited("a.fits", "../a.fits"), 5, "leads out of its directory"),
    "absolute frame": (edited("a.fits", "/etc/passwd"), 5, "leads out of its directory"),
    "frame of another system": (edited("a.fits", "c:\\\\a.fits"), 5, "leads out"),
    "empty frame": (edited("a.fits", "''"), 5, "is empty"),
    "frame with NUL": (edited("a.fits", '"a\\0b"'), 5, "control characters"),
    "id above": (edited("id: _1", "id: ../x"), 1, "leads out of its directory"),
    "id of dots": (edited("id: _1", "id: .."), 1, "leads out of its directory"),
    "id is a list": (edited("id: _1", "id: [1]"), 1, "found [1]"),
    "id is a fraction": (edited("id: _1", "id: 1.5"), 1, "found 1.5"),
    "id is null": (edited("id: _1", "id:"), 1, "found None"),
    "long id": (edited("id: _1", "id: " + 300 * "x"), 1, "at most 200"),
    "duplicate id": (edited("id: _c", "id: _1"), 10, "is the id of the block in line 1"),
    "unknown child": (edited(" - _1", " - _2"), 14, "no block has the id '_2'"),
    "own child": (edited(" - _1", " - _c"), 13, "_c > _c"),
    "word as enabled": (edited("enabled: False", "enabled: perhaps"), 8, "boolean"),
    "offsets elsewhere": (edited("sky_images: 0", "offsets: ../x.txt"), 17, "leads out"),
}  # fmt: skip

CONTROL = (DATA / "control.yaml").read_text()

BAD_CONTROLS = {
    "empty": ("", 1, "no document"),
    "a list": ("- 1\n", 1, "a mapping with the keys version"),
    "two documents": (CONTROL + "---\nversion: 1\n", 45, "one document only"),
    "version 2": ("version: 2\ndatabase:\n  uri: x\n", 1, "only version 1"),
    "database": ("database: {}\n", 1, "only version 1"),
    "word as version": (edited("version: 1", "version: new", CONTROL), 1, "found version 'new'"),
    "unknown key": (edited("products:", "product:", CONTROL), 2, "did you mean 'products'"),
    "unknown detector": (edited("443fc0d1", "443fc0d2", CONTROL), 19, "did you mean '443fc0d1"),
    "misspelt type": (
        edited("MasterIntensityFlat", "MasterIntensityFlt", CONTROL), 7, "'MasterIntensityFlat'?",
    ),
    "no content": (edited(", content: 'master_bpm.fits'", "", CONTROL), 5, "content: is missing"),
    "number as content": (edited("'master_bpm.fits'", "1", CONTROL), 5, "content: found 1"),
    "content above": (edited("master_bpm", "../bpm", CONTROL), 5, "leads out of its directory"),
    "absolute content": (edited("master_bpm", "/bpm", CONTROL), 5, "leads out of its directory"),
    "no type": (edited("type: 'MasterDark', ", "", CONTROL), 6, "type: is missing"),
    "list as type": (edited("'MasterDark'", "[x]", CONTROL), 6, "type: found ['x']"),
    "unknown key of an entry": (edited("tags", "tag", CONTROL), 5, "did you mean 'tags'"),
    "list as tags": (edited("tags: {}", "tags: [J]", CONTROL), 5, "tags: found ['J']"),
    "entry not a mapping": (edited("- {id: 2", "- x\n    - {id: 2", CONTROL), 5, "found 'x'"),
    "products not a mapping": ("products: x\n", 1, "products: found 'x', a mapping"),
    "detector not a list": (
        "products:\n  EMIR:\n    225fcaf2-7f6f-49cc-972a-70fd0aee8e96: x\n", 3, "a list was",
    ),
    "unknown requirement": (edited("x_offsets", "ofsets", CONTROL), 39, "did you mean 'offsets'"),
    "rootdir not a path": ("rootdir: [a]\n", 1, "a directory was expected"),
    "tab": (edited("  EMIR", "\tEMIR", CONTROL), 3, "not valid YAML"),
    "duplicate detector": (
        edited(H2RG.uuid, HAWAII2.uuid, CONTROL), 19, "already in line 4",
    ),
}  # fmt: skip


def lines_of(error, path):
    return [
        (int(number), text)
        for number, text in re.findall(
            rf"^{re.escape(str(path))}:(\d+): (.*)$", str(error), flags=re.MULTILINE
        )
    ]


@pytest.mark.parametrize("case", BAD_BLOCKS)
def test_bad_blocks(case, tmp_path):
    check(BAD_BLOCKS[case], read_blocks, tmp_path / "bad.yaml")


@pytest.mark.parametrize("case", BAD_CONTROLS)
def test_bad_control(case, tmp_path):
    check(BAD_CONTROLS[case], read_control, tmp_path / "bad.yaml")


def check(expected, read, path):
    text, line, words = expected
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)
    found = lines_of(caught.value, path)
    assert any(number == line and words in text for number, text in found), str(caught.value)


@pytest.mark.parametrize(
    ("cases", "case", "arguments"),
    [
        *((BAD_BLOCKS, case, ["bad.yaml"]) for case in BAD_BLOCKS),
        *((BAD_CONTROLS, case, ["good.yaml", "-r", "bad.yaml"]) for case in BAD_CONTROLS),
    ],
)
def test_the_command_says_so_and_writes_nothing(cases, case, arguments, tmp_path, monkeypatch):
    text, line, words = cases[case]
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(text)
    Path("good.yaml").write_text(GOOD)
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "This is a defect" not in result.stderr
    found = lines_of(result.stderr.removeprefix("emirimg: error: "), "bad.yaml")
    assert any(number == line and words in said for number, said in found), result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml", "good.yaml"]


@pytest.mark.parametrize("read", [read_blocks, read_control])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id: a\nmode: \xff\xfe\n", ":2: byte 0xff is not UTF-8"),
        (b"SIMPLE  = \x00\x01", ":1: character '\\x00'"),
        (b"id: a\n\x07", ":2: character '\\x07'"),
        (b"\x89PNG\r\n", ":1: byte 0x89"),
        (b"x" * 2_000_001, "larger than"),
    ],
)
def test_junk(read, content, words, tmp_path):
    path = tmp_path / "junk.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("read", [read_blocks, read_control])
def test_unreadable(read, tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_all_problems_are_reported_together(tmp_path):
    path = tmp_path / "bad.yaml"
    text = edited("interp", "linear").replace("sky_images: 0", "sky_imags: 0") + "---\n"
    text = text.replace("- _1", "- _7") + "id: [\n"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_blocks(path)
    found = lines_of(caught.value, path)
    assert [number for number, _ in found] == [7, 17, 21]
    assert [text[:12] for _, text in found] == ["(document 1)", "(document 2)", "(document 3)"]


def test_a_child_with_a_problem_of_its_own_is_known(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(edited("interp", "linear"))
    with pytest.raises(InputError) as caught:
        read_blocks(path)
    assert len(lines_of(caught.value, path)) == 1


def test_many_problems_stay_readable(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("---\n".join(f"id: a{n}\n" for n in range(100)))
    with pytest.raises(InputError, match="and 160 more problems") as caught:
        read_blocks(path)
    assert len(str(caught.value).splitlines()) == 41


def assert_sound(read, path):
    """Either the file is read, or an InputError names a line; nothing else may happen."""
    message = None
    try:
        read(path)
    except InputError as error:
        message = error
    assert message is None or lines_of(message, path)


BASES = [GOOD, CONTROL, (DATA / "dithered_v6.yaml").read_text()[-900:]]
PIECES = st.one_of(
    st.sampled_from(
        ["\t", ":", "- ", "---\n", "{", "}", "[", "]", "&a ", "*a", "!!int ", "!!timestamp ",
         "? ", "|", ">", "'", '"', "#", "%", "null", "~", "1e999", "0x", "0b", "1_0", "9" * 5000,
         "12:60:99", "2018-13-45", ".inf", "<<: ", "=", "\n", "\r", "\u2028", "\x85", "\ufeff"]
    ),
    st.text(max_size=4),
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_random_edits(data, tmp_path):
    text = data.draw(st.sampled_from(BASES))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 12, len(text))))
        text = text[:start] + data.draw(PIECES) + text[end:]
    path = tmp_path / "edited.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for read in (read_blocks, read_control):
        assert_sound(read, path)


@settings(
    max_examples=100, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "instrument", "mode", "frames", "images", "children", "requirements",
                 "enabled", "products", "version", "EMIR", "default", "STARE_IMAGE", "tags",
                 "content", "type", "225fcaf2-7f6f-49cc-972a-70fd0aee8e96"]
            ),
            inner, max_size=5,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_content(content, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    for read in (read_blocks, read_control):
        assert_sound(read, path)

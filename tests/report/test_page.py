"""The report as a page: complete, harmless, small."""

import json
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from PIL import Image

from emirimg.exceptions import InputError
from emirimg.report import REPORT_FILES, report_numbers, report_page, write_report

VOID = {"img", "input", "meta", "link", "br"}


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = Counter(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.attributes if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page(result):
    return Page(report_page(result, command="emirimg reduce 'my data' -o results"))


@pytest.fixture
def quick(monkeypatch):
    """Leave the charts out."""
    monkeypatch.setattr("emirimg.report.page._figures", lambda *_: {})


def test_every_element_is_closed(page):
    assert page.open == []


def test_nothing_is_asked_for(page):
    for tag, attributes in page.attributes:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name) or ""
            assert target.startswith(("data:", "#")) or not target, (tag, name, target[:60])
        assert "url(" not in (attributes.get("style") or "").replace("url(#", "")
    policy = next(item for item in page.all("meta") if item.get("http-equiv"))
    assert "default-src 'none'" in policy["content"]


def test_identifiers_are_unique_and_references_lead_somewhere(page):
    identifiers = Counter(a["id"] for _, a in page.attributes if a.get("id"))
    assert max(identifiers.values()) == 1
    for tag, attributes in page.attributes:
        for name in ("href", "xlink:href", "for", "aria-labelledby"):
            target = attributes.get(name) or ""
            if target and not target.startswith("data:"):
                assert target.removeprefix("#") in identifiers, (tag, target)


def test_sections_stand_in_order(page):
    order = [a["id"] for a in page.all("h2")]
    assert order == [
        "warnings", "image", "maps", "exposures", "conditions", "places", "depth", "masked",
        "made",
    ]  # fmt: skip
    assert page.tags["h1"] == 1


def test_pictures_have_texts_and_tables_have_captions(page):
    assert all("alt" in attributes for attributes in page.all("img"))
    assert all(attributes.get("aria-label") for attributes in page.all("svg"))
    assert page.tags["caption"] == page.tags["table"] >= 4
    assert all(attributes.get("scope") in {"row", "col"} for attributes in page.all("th"))


def test_every_exposure_has_two_pictures(page, result):
    alts = [attributes["alt"] for attributes in page.all("img")]
    for number in range(1, len(result.frames) + 1):
        assert f"Exposure {number} before sky subtraction" in alts
        assert f"Exposure {number} after sky subtraction" in alts


def test_numbers_are_those_of_the_result(page, result):
    for text in (
        f"{result.quality.depth:.2f} mag",
        f"{result.frames[0].sky_level:.1f}",
        f"{result.frames[-1].fwhm.value:.2f}",
        f"{result.frames[1].flagged_pixels}",
        "emirimg reduce 'my data' -o results",
        result.inputs[0][2],
    ):
        assert text in page.words


@pytest.mark.usefixtures("quick")
def test_nothing_to_warn_of(result):
    assert "No warnings" in report_page(replace(result, warnings=()))


@pytest.mark.usefixtures("quick")
def test_warnings_come_first(result):
    frames = (replace(result.frames[0], weight=0.0), *result.frames[1:])
    text = report_page(
        replace(result, warnings=("the sky is odd",), frames=frames,
                dropped=(("b.fits", "b.fits: no sky"),))
    )  # fmt: skip
    words = Page(text).words
    for said in ("the sky is odd", "Not usable: b.fits: no sky", "Left out of the mosaic"):
        assert words.index(said) < words.index("Correlated noise")
    assert result.frames[0].name in words
    assert "No warnings" not in words


@pytest.mark.usefixtures("quick")
def test_hostile_names_are_names(hostile, page, tmp_path):
    write_report(hostile, tmp_path, command=hostile.warnings[0])
    found = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert found.tags["script"] == 1
    assert found.tags["img"] == page.tags["img"]
    assert hostile.warnings[0] in found.words
    assert json.loads((tmp_path / "summary.json").read_text())["warnings"] == [hostile.warnings[0]]


def test_field_without_stars_or_objects(without_stars):
    found = Page(report_page(without_stars))
    for text in ("no star, or too little empty sky", "Objects: none known"):
        assert text in found.words
    assert "nan" not in found.words
    assert not any(attributes.get("id") == "outlines" for attributes in found.all("input"))


def test_what_the_legacy_road_does_not_measure(result):
    nan, unknown = np.nan, ("sky_level", "transparency", "noise", "bad_fraction", "ellipticity")
    frames = tuple(
        replace(frame, **dict.fromkeys(unknown, nan), rejected_fraction=nan, fwhm=nan * u.arcsec)
        for frame in result.frames
    )
    words = Page(report_page(replace(result, frames=frames))).words
    assert "They were not measured" in words
    assert "masked pixels of single exposures were not counted" in words


@pytest.mark.usefixtures("quick")
def test_exposures_beside_the_target(result):
    found = Page(report_page(replace(result, sky_exposures=("beside.fits",))))
    assert "not in the mosaic: beside.fits" in found.words


def test_one_exposure(result):
    alignment = result.alignment
    one = replace(
        alignment, wcss=alignment.wcss[:1], methods=alignment.methods[:1],
        shifts=alignment.shifts[:1], residuals=alignment.residuals[:1],
        n_matched=alignment.n_matched[:1], transparency=alignment.transparency[:1],
        fwhm=alignment.fwhm[:1], ellipticity=alignment.ellipticity[:1], reference=0,
    )  # fmt: skip
    found = Page(report_page(replace(result, frames=result.frames[:1], alignment=one)))
    assert "1 of 1" in found.words


@pytest.mark.usefixtures("quick")
def test_exposures_without_pictures(result):
    frames = tuple(replace(frame, before=None, after=None) for frame in result.frames)
    assert (
        "There are no pictures of them" in Page(report_page(replace(result, frames=frames))).words
    )


def test_nothing_is_covered(result):
    mosaic = result.mosaic
    empty = replace(
        mosaic, data=np.zeros_like(mosaic.data), mask=np.ones_like(mosaic.mask),
        coverage=np.zeros_like(mosaic.coverage),
    )  # fmt: skip
    assert (
        "No pixel of the mosaic is covered"
        in Page(report_page(replace(result, mosaic=empty))).words
    )


def test_files(result, tmp_path):
    path = write_report(result, tmp_path)
    assert path == tmp_path / "report.html"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(REPORT_FILES)
    numbers = json.loads((tmp_path / "summary.json").read_text())
    assert numbers["frames"][0]["sky_level"] == result.frames[0].sky_level
    assert numbers["inputs"][0]["sha256"] == result.inputs[0][2]
    assert set(numbers["versions"]) >= {"emirimg", "python", "numpy"}
    table = Table.read(tmp_path / "frames.ecsv")
    np.testing.assert_allclose(table["fwhm"], [f.fwhm.to_value("arcsec") for f in result.frames])
    assert table["fwhm"].unit == "arcsec"
    assert "before" not in table.colnames


def test_numbers_that_are_there_already_are_written(result, tmp_path):
    numbers = {**report_numbers(result), "versions": {"emirimg": "of old"}}
    write_report(result, tmp_path, numbers=lambda: numbers)
    assert json.loads((tmp_path / "summary.json").read_text())["versions"] == numbers["versions"]
    assert "of old" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("quick")
def test_files_are_not_replaced_unless_that_is_wanted(result, tmp_path):
    for name in REPORT_FILES:
        (tmp_path / name).write_text("old")
    with pytest.raises(InputError, match=r"summary.json exists already"):
        write_report(result, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    write_report(result, tmp_path, overwrite=True)
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_picture_is_written_as_well(result, tmp_path):
    picture = tmp_path / "mosaic.png"
    write_report(result, tmp_path, picture=picture)
    with Image.open(picture) as image:
        assert image.size == (1800, 855)
    with pytest.raises(InputError, match=r"mosaic.png exists already"):
        write_report(result, tmp_path, picture=picture)


def test_equal_results_have_equal_pages_and_are_not_changed(result):
    before = result.mosaic.data.copy(), result.frames[0].before.copy()
    numbers = report_numbers(result)
    assert report_page(result, numbers=numbers) == report_page(result)
    np.testing.assert_array_equal(result.mosaic.data, before[0])
    np.testing.assert_array_equal(result.frames[0].before, before[1])


def test_templates_belong_to_the_package():
    names = sorted(path.name for path in (files("emirimg.report") / "templates").iterdir())
    assert names == ["comparison.html", "report.css", "report.html", "report.js"]

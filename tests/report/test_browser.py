"""The report in a browser without a network."""

import shutil

import pytest

webdriver = pytest.importorskip("selenium.webdriver")

from emirimg.report import write_report  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Chromium and its chromedriver"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}", "window-size=1200,900",
    ):  # fmt: skip
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(browser, result, tmp_path_factory):
    path = write_report(result, tmp_path_factory.mktemp("report"), command="emirimg reduce data")
    browser.get(path.as_uri())
    return browser


def set_value(page, name, value):
    page.execute_script(
        "const c = document.getElementById(arguments[0]); c.value = arguments[1];"
        "c.dispatchEvent(new Event('input', {bubbles: true}));",
        name, value,
    )  # fmt: skip


def shown(page):
    """Return the filter of the mosaic and the text of the sliders."""
    return page.execute_script(
        "return [getComputedStyle(document.getElementById('mosaic')).filter,"
        "document.getElementById('white-value').textContent]"
    )


def numbers(text):
    return [float(part.split(")")[0]) for part in text.split("(")[1:]]


def test_sliders_stretch_the_mosaic(page):
    set_value(page, "black", 200)
    set_value(page, "white", 600)
    (brightness, contrast, invert), text = numbers(shown(page)[0]), shown(page)[1]

    def grey(shade):
        return (shade * brightness - 0.5) * contrast + 0.5

    assert invert == 1
    assert grey(0.2) == pytest.approx(0, abs=1e-4)
    assert grey(0.6) == pytest.approx(1, abs=1e-4)
    set_value(page, "white", 900)
    assert shown(page)[1] != text
    set_value(page, "white", 100)  # below black: that cannot be
    assert all(value < 1000 for value in numbers(shown(page)[0]))


def test_zoom_shows_real_pixels(page, result):
    width = result.mosaic.grid.shape[1]
    page.find_element("css selector", "input[name=zoom][value='2']").click()
    assert page.find_element("id", "mosaic").size["width"] == pytest.approx(2 * width, abs=1)
    page.find_element("css selector", "input[name=zoom][value='0']").click()
    viewer = page.execute_script("return document.querySelector('.viewer').clientWidth")
    assert page.find_element("id", "mosaic").size["width"] == pytest.approx(viewer, abs=1)


def test_overlays(page):
    layer = page.find_element("id", "coverage-layer")
    set_value(page, "coverage", 50)
    assert layer.value_of_css_property("opacity") == "0.5"
    set_value(page, "coverage", 0)
    outlines = page.find_element("id", "outlines-layer")
    assert not outlines.is_displayed()
    page.find_element("id", "outlines").click()
    assert outlines.is_displayed()
    page.find_element("id", "outlines").click()


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_tables_need_no_scrolling_on_a_desktop(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1200, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    widths = page.execute_script(
        "for (const th of document.querySelectorAll('tbody th')) th.textContent = '0001877553';"
        "const tables = [...document.querySelectorAll('.table')];"
        "return tables.map((table) => [table.scrollWidth, table.clientWidth]);"
    )
    assert widths
    assert all(needed <= there for needed, there in widths)


def test_pictures_are_complete(page):
    page.execute_script("for (const i of document.images) i.loading = 'eager'")
    broken = page.execute_async_script(
        "const done = arguments[0];"
        "Promise.all([...document.images].map((i) => i.decode().then(() => null, () => i.alt)))"
        ".then((all) => done(all.filter((alt) => alt !== null)))"
    )
    assert broken == []


def test_no_complaint_and_no_request(page):
    assert page.get_log("browser") == []
    sent = [entry["message"] for entry in page.get_log("performance")]
    requests = [text for text in sent if '"Network.requestWillBeSent"' in text]
    assert requests
    assert not [text for text in requests if '"url":"http' in text or '"url":"ws' in text]

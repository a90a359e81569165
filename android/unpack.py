"""Unpacks the aars of a folder: their classes into one jar, their resources, and the names of their packages.

unpack.py AARS OUT writes OUT/androidx.jar, OUT/res/NAME/res and OUT/packages.
"""
import io
import pathlib
import re
import sys
import zipfile

aars, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
names, packages = set(), set()
with zipfile.ZipFile(out / "androidx.part", "w", zipfile.ZIP_DEFLATED) as jar:
    for path in sorted(aars.glob("*.aar")):
        aar = zipfile.ZipFile(path)
        for part in [it for it in aar.namelist() if it == "classes.jar" or re.fullmatch(r"libs/[^/]+\.jar", it)]:
            classes = zipfile.ZipFile(io.BytesIO(aar.read(part)))
            for name in classes.namelist():
                if not name.endswith("/") and name not in names:
                    names.add(name)
                    jar.writestr(name, classes.read(name))
        resources = [it for it in aar.namelist() if it.startswith("res/") and not it.endswith("/")]
        if resources:
            aar.extractall(out / "res" / path.stem, resources)
            manifest = aar.read("AndroidManifest.xml").decode()
            packages.add(re.search(r'package="([^"]+)"', manifest).group(1))
(out / "packages").write_text("".join(f"{it}\n" for it in sorted(packages)))
(out / "androidx.part").rename(out / "androidx.jar")

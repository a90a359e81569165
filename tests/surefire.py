"""Counts what Surefire ran: names what failed or was skipped, ends with `N passed, N failed`."""
import glob
import sys
import xml.etree.ElementTree as ET

ran = bad = 0
for name in glob.glob(sys.argv[1] + "/TEST-*.xml"):
    for case in ET.parse(name).getroot().iter("testcase"):
        ran += 1
        if case.find("failure") is not None or case.find("error") is not None:
            bad += 1
            print("FAILED", case.get("classname"), case.get("name"))
        skip = case.find("skipped")
        if skip is not None:
            print("skipped:", case.get("name"), skip.get("message") or "")
print(f"\n{ran - bad} passed, {bad} failed")

"""Heart rates that a person's strap once measured, a value a second, from a TCX file."""

import itertools
import xml.etree.ElementTree as tree

NAMESPACE = '{http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2}'


def heart_rates(path):
    """The beats per minute in the order they were recorded."""
    points = tree.parse(path).iter(f'{NAMESPACE}Trackpoint')
    found = (point.find(f'{NAMESPACE}HeartRateBpm/{NAMESPACE}Value') for point in points)
    rates = [int(rate.text) for rate in found if rate is not None]
    if len(rates) < 60:
        raise SystemExit(f'{path} holds no recording of a minute')
    return rates


def stretch(rates, count):
    """`count` values: the recording, from its start again when it is over."""
    return list(itertools.islice(itertools.cycle(rates), count))

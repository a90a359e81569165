"""The scenes of a run: which devices are there, and what goes wrong. Each is made anew, from the
same numbers, so that the same run gives the same ledgers."""

import datetime

from clock import ForgetfulCuff
from glucose import Meter, Monitor
from heart import Liar, Strap
from measuring import (
    Cuff, DisplayCuff, EnhancedCuff, HealthSensor, Oximeter, SecureCuff, SpotOximeter, Thermometer, continuous, enhanced,
    observed, plain, pressure, spot, temperature)
from motion import FootPod, StepCounter, Treadmill, WheelSensor, cycling, running, steps, treadmill
from recording import heart_rates, stretch
from scale import Scale

RECORDINGS = {}
MINUTE, HOUR, DAY = (datetime.timedelta(**{unit: 1}) for unit in ('minutes', 'hours', 'days'))


def recorded(stage, count):
    path = stage.options.recording
    if path not in RECORDINGS:
        RECORDINGS[path] = heart_rates(path)
    return stretch(RECORDINGS[path], count)


def strap(stage, addresses):
    """A minute of recorded heart rates, with beat intervals; then its battery is told."""
    return [Strap(stage, next(addresses), recorded(stage, 60), intervals=True)]


def night(stage, addresses):
    """Hours of recorded heart rates; five times the link drops and twenty values are heard by nobody."""
    count = stage.options.night
    drops = [count * part // 100 for part in (8, 29, 47, 66, 91)]
    return [Strap(stage, next(addresses), recorded(stage, count), drops=drops, missed=20)]


def wanderer(stage, addresses):
    """A strap that goes out of range in the middle of its stream."""
    return [Strap(stage, next(addresses), recorded(stage, 40), drops=[15], walks=True)]


def liar(stage, addresses):
    """A strap whose frames are not as long as they say."""
    return [Liar(stage, next(addresses), recorded(stage, 30))]


def stored(stage, count=6, **more):
    start = stage.options.now - DAY
    return [
        pressure(number, start + number * 2 * HOUR, 118 + number, 76 + number % 3, 90 + number, 61 + number, **more)
        for number in range(count)]


def cuff(stage, addresses):
    """Six stored readings, every second of another person."""
    frames = [pressure(number, stage.options.now - DAY + number * 2 * HOUR, 118 + number, 76, 90, 61, user=1 + number % 2)
              for number in range(6)]
    return [Cuff(stage, next(addresses), frames)]


def cuff_plain(stage, addresses):
    """Firmware that sends plain integers where SFLOAT is specified."""
    return [Cuff(stage, next(addresses), stored(stage, number=plain), name='SBM69')]


def cuff_twice(stage, addresses):
    """A cuff that sends each stored reading twice."""
    frames = [frame for frame in stored(stage) for _ in range(2)]
    return [Cuff(stage, next(addresses), frames)]


def cuff_clock(stage, addresses):
    """A cuff whose clock stands in 2010."""
    now = stage.options.now
    behind = now - datetime.datetime(2010, 1, 1, 0, 12)
    measured = [(now - (8 - number) * MINUTE, 120 + number, 80, 93, 70) for number in range(4)]
    return [ForgetfulCuff(stage, next(addresses), behind, measured)]


def battery_low(stage, addresses):
    """A thermometer with three percent left."""
    frames = [temperature(0, stage.options.now - MINUTE, 368)]
    return [Thermometer(stage, next(addresses), frames, battery=3)]


def thermometer(stage, addresses):
    """Celsius, then Fahrenheit."""
    now = stage.options.now
    return [Thermometer(stage, next(addresses), [
        temperature(0, now - 2 * HOUR, 374), temperature(1, now - HOUR, 381),
        temperature(2, now - MINUTE, 1004, fahrenheit=True)])]


def meter_times(stage, count):
    return [stage.options.now - 8 * DAY + number * 20 * MINUTE for number in range(count)]


def glucose(stage, addresses):
    """500 stored records behind six digits; out of range after 250 of them."""
    return [Meter(stage, next(addresses), meter_times(stage, 500), drop_after=250)]


def glucose_flood(stage, addresses):
    """500 stored records sent without a pause, every 40th not at all: who does not count loses them."""
    return [Meter(stage, next(addresses), meter_times(stage, 500), bond=None, flood=40, name='Flood Meter')]


def glucose_away(stage, addresses):
    """Out of range while the request for records is written; and each tenth record comes twice."""
    return [Meter(stage, next(addresses), meter_times(stage, 40), bond=None, name='Far Meter', vanish_on=1,
                  twice=range(0, 40, 10))]


def just_works(stage, addresses):
    """A cuff that must be bonded, without digits."""
    return [SecureCuff(stage, next(addresses), stored(stage))]


def wrong_passkey(stage, addresses):
    """A cuff with six digits; the person types others."""
    return [DisplayCuff(stage, next(addresses), stored(stage), name='Digits Cuff')]


def no_agent(stage, addresses):
    """A cuff that must be bonded, and nobody to say yes."""
    return [SecureCuff(stage, next(addresses), stored(stage), name='Lonely Cuff')]


def monitor(stage, addresses):
    """Two hours of a continuous glucose monitor, stored, each record with its check sum."""
    return [Monitor(stage, next(addresses), stage.options.now - 2 * HOUR, 24)]


def oximeter(stage, addresses):
    """One that streams."""
    return [Oximeter(stage, next(addresses), [continuous(number, 97 - number % 3, 62 + number) for number in range(30)])]


def oximeter_spot(stage, addresses):
    """One that keeps spot checks."""
    now = stage.options.now
    return [SpotOximeter(stage, next(addresses), [
        spot(number, now - (4 - number) * HOUR, 95 + number, 60 + number) for number in range(4)])]


def scale(stage, addresses):
    """Two people on one scale."""
    now = stage.options.now
    return [Scale(stage, next(addresses), [
        (now - 3 * MINUTE, 1, 72_500, 213), (now - 2 * MINUTE, 2, 58_300, 287), (now - MINUTE, 1, 72_400, 214)])]


def run(stage, addresses):
    return [FootPod(stage, next(addresses), [running(number) for number in range(30)])]


def ride(stage, addresses):
    """A wheel sensor whose counters wrap."""
    return [WheelSensor(stage, next(addresses), [cycling(number) for number in range(30)])]


def machine(stage, addresses):
    """A treadmill that splits its record over two packets."""
    return [Treadmill(stage, next(addresses), [treadmill(number) for number in range(20)])]


def cuff_enhanced(stage, addresses):
    """A cuff of the newer kind, whose clock counts seconds since 2000."""
    start = stage.options.now - DAY
    return [EnhancedCuff(stage, next(addresses), [
        enhanced(number, start + number * 3 * HOUR, 124 + number, 79, 94, 66 + number) for number in range(5)])]


def walk(stage, addresses):
    """A step counter that is worn for a quarter of an hour."""
    return [StepCounter(stage, next(addresses), [steps(number) for number in range(1, 16)])]


def sensor(stage, addresses):
    """A generic health sensor; every other observation comes in two packets."""
    return [HealthSensor(stage, next(addresses), observed([(95 + number % 4, 364 + number) for number in range(30)]))]


SCENES = {scene.__name__.replace('_', '-'): scene for scene in (
    strap, night, wanderer, liar, cuff, cuff_plain, cuff_twice, cuff_clock, thermometer, battery_low, glucose,
    glucose_flood, glucose_away, just_works, wrong_passkey, no_agent, monitor, oximeter, oximeter_spot, scale, run,
    ride, machine, cuff_enhanced, walk, sensor)}

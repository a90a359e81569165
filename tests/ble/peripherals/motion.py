"""Running (0x1814), cycling (0x1816), machines to train on (0x1826), and who counts steps (0x183E)."""

import struct

from device import P, constant, notified, short
from layout import u24
from ledger import reading
from measuring import Sending


class FootPod(Sending):
    name, model = 'Foot Pod', 'Pod 1'
    service, characteristic, properties = 0x1814, 0x2A53, P.NOTIFY

    def facts(self):
        return [constant(0x2A54, b'\x03\x00'), constant(0x2A5D, b'\x02')]


def running(number):
    """3 m/s with 85 steps a minute of 106 cm; the metres so far."""
    frame = bytes([0x03 | 0x04]) + struct.pack('<HBHI', 768, 85, 106, 30 * number)
    return frame, [
        reading(f'{number}.speed', 'vw|speed', '3', 'm/s'), reading(f'{number}.rate', 'vw|step-rate', '85', '/min'),
        reading(f'{number}.stride', 'vw|stride-length', '106', 'cm')], {}


class WheelSensor(Sending):
    name, model = 'Wheel Sensor', 'Wheel 1'
    service, characteristic, properties = 0x1816, 0x2A5B, P.NOTIFY

    def facts(self):
        return [constant(0x2A5C, b'\x03\x00'), constant(0x2A5D, b'\x0c')]


def cranked(number):
    return 0xFFFF - 6 + 3 * number // 2


def cycling(number):
    """Four turns of the wheel and one and a half of the crank a second; every counter wraps on the way.
    A cadence is what two packets differ by."""
    wheel = (0xFFFFFFFF - 20 + 4 * number) & 0xFFFFFFFF
    time = 1024 * (55 + number) & 0xFFFF
    frame = b'\x03' + struct.pack('<IHHH', wheel, time, cranked(number) & 0xFFFF, time)
    rate = 60 * (cranked(number) - cranked(number - 1))
    return frame, [reading(number, 'vw|cycling-cadence', str(rate), '/min')] if number else [], {}


class Treadmill(Sending):
    name, model = 'Treadmill', 'Mill 1'
    service, characteristic, properties = 0x1826, 0x2ACD, P.NOTIFY

    def facts(self):
        return [constant(0x2ACC, struct.pack('<II', 0x0004 | 0x1000, 0)), constant(0x2AD3, b'\x00\x0d')]


def treadmill(number):
    """Distance in one packet, speed, pulse and time in the next: one measurement."""
    if number % 2 == 0:
        return struct.pack('<H', 0x0005) + u24(number * 3), [], {}
    pulse = 120 + number % 20
    return struct.pack('<HHBH', 0x0500, 1080, pulse, number), [
        reading(f'{number}.speed', 'vw|speed', '10.8', 'km/h'), reading(f'{number}.pulse', '8867-4', str(pulse), '/min')], {}


class StepCounter(Sending):
    """A physical activity monitor: what it counted since its session began, each minute."""

    name, model = 'Step Counter', 'Steps 1'
    service, characteristic, properties = 0x183E, 0x2B40, P.NOTIFY


def steps(number):
    """Walking, intense and floor steps so far."""
    counts = (100 * number, 7 * number, number)
    frame = b'\x80\x07' + struct.pack('<HHII', 1, 0, 60 * number, number) + b''.join(u24(count) for count in counts)
    codes = ('vw|walking-steps', 'vw|intense-steps', 'vw|floor-steps')
    return frame, [reading(f'{number}.{code}', code, str(count), '1') for code, count in zip(codes, counts)], {}

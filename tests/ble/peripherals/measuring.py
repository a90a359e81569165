"""Cuffs (0x1810), thermometers (0x1809) and oximeters (0x1822)."""

import datetime
import struct

from device import Information, P, Peripheral, Service, constant, notified, short
from layout import date_time, float32, sfloat
from ledger import reading


class Sending(Peripheral):
    """Has `frames` (frame, readings, more) of one characteristic, and sends one a tick when it is asked.
    What was indicated and confirmed is not sent again over the next link."""

    characteristic = service = 0x0000
    properties = P.INDICATE
    model = '?'

    def __init__(self, stage, address, frames, battery=87, name=None):
        self.name = name or self.name
        self.frames, self.battery = list(frames), battery
        self.advertised = self.service
        super().__init__(stage, address)

    def facts(self):
        """Constant characteristics of the service."""
        return []

    def services(self):
        self.measurement = notified(self.characteristic, self.properties)
        self.on_subscribe(self.measurement, self.stream)
        return [
            Service(short(self.service), [self.measurement, *self.facts()]),
            *Information(self.model, battery=self.battery).services()]

    async def stream(self):
        send = self.indicate if self.properties & P.INDICATE else self.notify
        while self.frames:
            frame, readings, more = self.frames[0]
            if not await send(self.measurement, frame, readings, **more):
                return
            self.frames.pop(0)
            await self.tick()
        self.ledger.event('done')
        self.stage.done(self)


class Cuff(Sending):
    name, model = 'Cuff', 'Cuff 3'
    service, characteristic = 0x1810, 0x2A35

    def facts(self):
        return [constant(0x2A49, b'\x00\x00', self.guard(read=True))]


def pressure(id, at, systolic, diastolic, mean, pulse, user=None, number=sfloat, status=True, **more):
    """A measurement in mmHg with its time, pulse and, if said, user and status."""
    flags = 0x02 | 0x04 | (0x08 if user is not None else 0) | (0x10 if status else 0)
    frame = bytes([flags]) + number(systolic) + number(diastolic) + number(mean) + date_time(at) + number(pulse)
    frame += bytes([user] if user is not None else []) + (b'\0\0' if status else b'')
    said = {'user': user, **more} if user is not None else more
    readings = [
        reading(id, '85354-9', f'{systolic}/{diastolic}/{mean}', 'mm[Hg]', at, **said),
        reading(f'{id}.pulse', '8867-4', str(pulse), '/min', at, **said)]
    return frame, readings, {}


class EnhancedCuff(Cuff):
    """Measures by the enhanced service: its time is seconds since 2000."""

    name, model = 'Enhanced Cuff', 'Cuff 5'
    characteristic = 0x2B34


def enhanced(id, at, systolic, diastolic, mean, pulse):
    """A measurement in mmHg with its time, seconds since 2000, and pulse."""
    seconds = int((at - datetime.datetime(2000, 1, 1)).total_seconds())
    frame = b'\x46' + sfloat(systolic) + sfloat(diastolic) + sfloat(mean) + struct.pack('<I', seconds) + sfloat(pulse)
    return frame, [
        reading(id, '85354-9', f'{systolic}/{diastolic}/{mean}', 'mm[Hg]', at),
        reading(f'{id}.pulse', '8867-4', str(pulse), '/min', at)], {}


def plain(value):
    """What some firmware sends where SFLOAT is specified."""
    return struct.pack('<H', value)


class SecureCuff(Cuff):
    """Shows nothing before it is bonded."""

    name, bond = 'Bonded Cuff', 'encrypted'


class DisplayCuff(Cuff):
    """Shows six digits that must be typed."""

    name, bond = 'Display Cuff', 'authenticated'


class Thermometer(Sending):
    name, model = 'Thermometer', 'Thermo 1'
    service, characteristic = 0x1809, 0x2A1C

    def facts(self):
        return [constant(0x2A1D, b'\x02')]


def temperature(id, at, tenths, fahrenheit=False):
    """A body temperature in tenths of a degree, with its time."""
    frame = bytes([0x02 | fahrenheit]) + float32(tenths, -1) + date_time(at)
    value = f'{tenths // 10}.{tenths % 10}'
    return frame, [reading(id, '8310-5', value, '[degF]' if fahrenheit else 'Cel', at)], {}


class SpotOximeter(Sending):
    name, model = 'Spot Oximeter', 'Oxi 2'
    service, characteristic = 0x1822, 0x2A5E

    def facts(self):
        return [constant(0x2A60, b'\x00\x00')]


class Oximeter(Sending):
    name, model = 'Oximeter', 'Oxi 3'
    service, characteristic, properties = 0x1822, 0x2A5F, P.NOTIFY

    def facts(self):
        return [constant(0x2A60, b'\x00\x00')]


def spot(id, at, saturation, pulse):
    frame = b'\x01' + sfloat(saturation) + sfloat(pulse) + date_time(at)
    return frame, oxygen(id, saturation, pulse, at), {}


def continuous(id, saturation, pulse):
    return b'\x00' + sfloat(saturation) + sfloat(pulse), oxygen(id, saturation, pulse), {}


def oxygen(id, saturation, pulse, at=None):
    return [
        reading(id, '2708-6', str(saturation), '%', at),
        reading(f'{id}.pulse', '8867-4', str(pulse), '/min', at)]


class HealthSensor(Sending):
    """A generic health sensor (0x1840): each observation names its kind and unit by IEEE 11073 codes."""

    name, model = 'Health Sensor', 'Sensor 1'
    service, characteristic = 0x1840, 0x2B8B


SATURATION, TEMPERATURE = (0x00024BB8, 0x0220), (0x00024B5C, 0x17A0)


def observed(values):
    """Saturations, each in one packet, and temperatures in tenths, each in two; packets are numbered."""
    frames = []

    def packet(first, last, part, readings):
        frames.append((bytes([first | last << 1 | len(frames) % 64 << 2]) + part, readings, {}))
    for number, (saturation, tenths) in enumerate(values):
        packet(1, 1, observation(*SATURATION, float32(saturation)), [
            reading(f'{number}.oxygen', '2708-6', str(saturation), '%')])
        whole = observation(*TEMPERATURE, float32(tenths, -1))
        packet(1, 0, whole[:9], [])
        packet(0, 1, whole[9:], [reading(f'{number}.warmth', '8310-5', f'{tenths / 10:.1f}', 'Cel')])
    return frames


def observation(kind, unit, value):
    body = struct.pack('<HIH', 0x0001, kind, unit) + value
    return b'\x01' + struct.pack('<H', len(body)) + body

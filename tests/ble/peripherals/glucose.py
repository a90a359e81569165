"""Glucose meters (0x1808) and continuous glucose monitors (0x181F)."""

import datetime
import struct

from device import Information, Peripheral, Service, constant, notified, short
from layout import crc, date_time, sfloat
from ledger import reading
from memory import Memory

FINGER_CAPILLARY = 0x11
FASTING = 3


class Meter(Peripheral):
    """Keeps `times`, one record each; `twice`: numbers it sends two times in a row."""

    name, advertised, bond = 'Glucose Meter', 0x1808, 'authenticated'

    def __init__(self, stage, address, times, bond='authenticated', name=None, twice=(), **memory):
        self.name = name or self.name
        self.bond, self.times, self.twice, self.options = bond, times, set(twice), memory
        super().__init__(stage, address)

    def services(self):
        self.measurement, self.context = notified(0x2A18), notified(0x2A34)
        records = {number: self.sender(number, at) for number, at in enumerate(self.times)}
        self.memory = Memory(self, records, **self.options)
        feature = constant(0x2A51, b'\x00\x00', self.guard(read=True))
        return [
            Service(short(0x1808), [self.measurement, self.context, feature, self.memory.point]),
            *Information('Meter 5', serial='G0005').services()]

    def sender(self, number, at):
        milligrams = 70 + number * 7 % 140  # of a decilitre; kg/L is what is sent
        has_context = number % 10 == 0
        frame = bytes([0x12 if has_context else 0x02]) + struct.pack('<H', number) + date_time(at)
        frame += sfloat(milligrams, -5) + bytes([FINGER_CAPILLARY])
        readings = [reading(number, '41653-7', str(milligrams), 'mg/dL', at)]
        context = b'\x02' + struct.pack('<HB', number, FASTING)

        async def send():
            for _ in range(2 if number in self.twice else 1):
                await self.notify(self.measurement, frame, readings)
            if has_context:
                await self.notify(self.context, context)
        return send


class Monitor(Peripheral):
    """A sensor that counts minutes from `start`: `stored` records in its memory, a reading every five minutes;
    each with its check sum."""

    name, advertised, bond = 'Glucose Monitor', 0x181F, 'encrypted'

    def __init__(self, stage, address, start, stored):
        self.began, self.stored = start, stored
        super().__init__(stage, address)

    def services(self):
        self.measurement = notified(0x2AA7)
        records = {minutes: self.sender(minutes) for minutes in range(0, self.stored * 5, 5)}
        self.memory = Memory(self, records)
        checked = lambda data: data + crc(data)
        # E2E-CRC supported; capillary-free: interstitial fluid, subcutaneous tissue
        feature = checked(b'\x00\x10\x00' + b'\x59')
        status = checked(struct.pack('<H', self.stored * 5) + b'\0\0\0')
        began = checked(date_time(self.began) + b'\x00\x00')
        read = self.guard(read=True)
        return [
            Service(short(0x181F), [
                self.measurement, constant(0x2AA8, feature, read), constant(0x2AA9, status, read),
                constant(0x2AAA, began, read), constant(0x2AAB, checked(struct.pack('<H', 240)), read),
                self.memory.point]),
            *Information('Monitor 2').services()]

    def sender(self, minutes):
        value = 90 + minutes // 5 * 3 % 60
        body = bytes([10, 0x01]) + sfloat(value) + struct.pack('<H', minutes) + sfloat(1, -1)
        frame = body + crc(body)
        readings = [reading(minutes, '99504-3', str(value), 'mg/dL', self.began + datetime.timedelta(minutes=minutes))]

        async def send():
            await self.notify(self.measurement, frame, readings)
        return send

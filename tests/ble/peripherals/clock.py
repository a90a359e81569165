"""A device with a clock that somebody must set (0x1805), and readings stamped by it."""

import datetime
import struct

from device import CharacteristicValue, P, Service, short
from bumble.gatt import Characteristic
from layout import date_time
from measuring import Cuff, pressure


class ForgetfulCuff(Cuff):
    """Its battery was out: its clock began anew in 2010 and ran on evenly since."""

    name = 'Forgetful Cuff'

    def __init__(self, stage, address, behind, measured):
        self.behind = behind
        frames = []
        for number, (at, *values) in enumerate(measured):
            frame, readings, more = pressure(number, at - behind, *values)
            for one in readings:
                one['true'] = at.isoformat()
            frames.append((frame, readings, more))
        super().__init__(stage, address, frames)

    def services(self):
        time = Characteristic(
            short(0x2A2B), P.READ | P.WRITE | P.NOTIFY, self.guard(read=True, write=True),
            CharacteristicValue(read=lambda _: self.shown(), write=self.set))
        return [*super().services(), Service(short(0x1805), [time])]

    def shown(self):
        at = self.stage.now() - self.behind
        return date_time(at) + bytes([at.isoweekday(), at.microsecond * 256 // 1_000_000, 0])

    def set(self, _, value):
        self.ledger.wrote(0x2A2B, value)
        year, *rest = struct.unpack('<HBBBBB', value[:7])
        self.behind = self.stage.now() - datetime.datetime(year, *rest)
        right = abs(self.behind) < ON_ITS_WAY
        self.ledger.event('clock set' if right else 'clock set wrongly', behind_s=self.behind.total_seconds())


# What is written is on its way for a moment; for the guest of a busy machine a long one.
ON_ITS_WAY = datetime.timedelta(seconds=30)

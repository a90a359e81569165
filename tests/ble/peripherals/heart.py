"""Heart rate straps (0x180D)."""

import struct
from decimal import Decimal

from device import Information, Peripheral, Service, constant, notified, short, written
from ledger import reading

CONTACT = 0x06
ENERGY, INTERVALS = 0x08, 0x10


class Strap(Peripheral):
    """Sends `rates`, one a tick. Off the body and on again (`drops`: after how many values) it
    loses the link; `missed` values a time are measured while nobody hears them."""

    name = 'HR Strap'
    advertised = 0x180D

    def __init__(self, stage, address, rates, drops=(), missed=0, intervals=False, walks=False):
        self.rates, self.drops, self.missed = rates, list(drops), missed
        self.intervals, self.walks = intervals, walks
        self.position = 0
        super().__init__(stage, address)

    def services(self):
        self.measurement = notified(0x2A37)
        self.on_subscribe(self.measurement, self.stream)
        control = written(0x2A39, lambda _, value: self.ledger.wrote(0x2A39, value))
        return [
            Service(short(0x180D), [self.measurement, constant(0x2A38, b'\x01'), control]),
            *Information('Strap 10').services()]

    def frame(self, position):
        rate = self.rates[position]
        readings = [reading(position, '8867-4', str(rate), '/min')]
        if not self.intervals:
            return bytes([CONTACT, rate]), readings
        interval = 61440 // rate  # 1/1024 s
        readings.append(reading(f'{position}.rr', '8637-1', str(Decimal(interval) * 125 / 128), 'ms'))
        return bytes([CONTACT | ENERGY | INTERVALS, rate]) + struct.pack('<HH', position // 10, interval), readings

    async def stream(self):
        while self.position < len(self.rates):
            position = self.position
            self.position += 1
            if not await self.notify(self.measurement, *self.frame(position)):
                self.position -= 1
                return
            if self.drops and self.position >= self.drops[0]:
                self.drops.pop(0)
                self.position += self.missed
                await (self.walk_away() if self.walks else self.hang_up())
                return
            await self.tick()
        self.ledger.event('done')
        self.stage.done(self)


class Liar(Strap):
    """After each true frame one that is not as long as its flags say."""

    name = 'Liar'

    LIES = [
        (b'', 'gatt_truncated'),
        (b'\x06', 'gatt_truncated'),  # no rate
        (b'\x07\x48', 'gatt_truncated'),  # half of a wide rate
        (b'\x0e\x48\x01', 'gatt_truncated'),  # half of an energy
        (b'\x16\x48\x00\x04\x01', 'gatt_truncated'),  # an interval and a half
        (b'\x06\x48\x01\x02\x03', 'gatt_overlong'),
        (b'\x06\x48' + bytes(400), 'gatt_overlong')]

    async def tick(self):
        lie, why = self.LIES[self.position % len(self.LIES)]
        await self.notify(self.measurement, lie, refused=why)
        await super().tick()

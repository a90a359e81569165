"""A scale for several people: weight (0x181D), body composition (0x181B), user data (0x181C)."""

import asyncio
import struct

from device import Information, P, Peripheral, Service, constant, notified, short, written
from layout import date_time
from ledger import reading

UNKNOWN_USER = 255


class Scale(Peripheral):
    """`weighings`: (time, user, grams, tenths of a percent of fat); composition comes in two packets."""

    name, advertised = 'Scale', 0x181D

    def __init__(self, stage, address, weighings):
        self.weighings = list(weighings)
        super().__init__(stage, address)

    def services(self):
        self.weight = notified(0x2A9D, P.INDICATE)
        self.composition = notified(0x2A9C, P.INDICATE)
        self.user = written(0x2A9F, self.on_user, P.WRITE | P.INDICATE)
        self.on_subscribe(self.weight, self.stream)
        several = struct.pack('<I', 0x02 | 0x01)  # time stamps, several users
        return [
            Service(short(0x181D), [self.weight, constant(0x2A9E, several)]),
            Service(short(0x181B), [self.composition, constant(0x2A9B, struct.pack('<I', 0x03 | 1 << 4))]),
            Service(short(0x181C), [
                constant(0x2A9A, bytes([UNKNOWN_USER])), constant(0x2A99, b'\0\0\0\0'), self.user]),
            *Information('Scale 4').services()]

    def on_user(self, _, value):
        """Consent (2): user, code; any code is right."""
        self.ledger.wrote(0x2A9F, value)
        self.spawn(self.indicate(self.user, bytes([0x20, value[0], 1])))

    async def stream(self):
        # a scale sends both halves of a weighing; the client needs a moment to ask for the second
        for _ in range(50):
            if self.is_subscribed(self.composition):
                break
            await asyncio.sleep(0.1)
        for number, (at, user, grams, fat) in enumerate(self.weighings):
            said = {'user': user}
            frame = bytes([0x02 | 0x04]) + struct.pack('<H', grams // 5) + date_time(at) + bytes([user])
            kilograms = f'{grams / 1000:.3f}'
            await self.indicate(self.weight, frame, [reading(number, '29463-7', kilograms, 'kg', at, **said)])
            first = struct.pack('<HH', 1 << 12 | 0x06 | 0x10, fat) + date_time(at) + bytes([user]) + struct.pack('<H', 412)
            second = struct.pack('<HHH', 1 << 12 | 0x100, 0xFFFF, 42_000 // 5)
            await self.indicate(self.composition, first, [
                reading(f'{number}.fat', '41982-0', f'{fat / 10:.1f}', '%', at, **said),
                reading(f'{number}.muscle', 'vw|muscle-percentage', '41.2', '%', at, **said)])
            await self.indicate(self.composition, second, [
                reading(f'{number}.water', 'vw|body-water', '42', 'kg', at, **said)])
            await self.tick()
        self.weighings.clear()
        self.ledger.event('done')
        self.stage.done(self)

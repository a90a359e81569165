"""Stored records behind a record access control point (0x2A52), as glucose meters keep them."""

import struct

from bumble.att import ATT_Error

from device import P, written

REPORT, DELETE, ABORT, COUNT = 1, 2, 3, 4
ALL, AT_MOST, AT_LEAST, WITHIN, FIRST, LAST = 1, 2, 3, 4, 5, 6
SUCCESS, NO_SUCH_OPERATION, NO_SUCH_OPERATOR, NOTHING_FOUND, NOT_COMPLETED = 1, 2, 4, 6, 8
IMPROPERLY_CONFIGURED, IN_PROGRESS = 0xFD, 0xFE


class Memory:
    """`records`: number → send, a coroutine function that notifies one record. What goes wrong, once
    each: `drop_after` so many records the link is lost; a `flood`: the first report comes without a
    pause, and every so many-th record of it not at all; while an operation `vanish_on` is written the
    device goes out of range."""

    def __init__(self, device, records, drop_after=None, flood=None, vanish_on=None):
        self.device, self.records = device, dict(records)
        self.drop_after, self.flood, self.vanish_on = drop_after, flood, vanish_on
        self.running = None
        self.point = written(
            0x2A52, self.on_write, P.WRITE | P.INDICATE, device.guard(write=True))

    def on_write(self, _, value):
        device = self.device
        if not device.is_subscribed(self.point):
            raise ATT_Error(IMPROPERLY_CONFIGURED)
        operation = value[0] if value else 0
        if self.running and not self.running.done() and operation != ABORT:
            raise ATT_Error(IN_PROGRESS)
        device.ledger.wrote(0x2A52, value)
        if operation == self.vanish_on:
            self.vanish_on = None
            device.vanish()
            return
        work = device.spawn(self.answer(bytes(value)))
        if operation != ABORT:
            self.running = work

    async def answer(self, value):
        operation, operator = (value + b'\0\0')[:2]
        if operation == ABORT:
            if self.running:
                self.running.cancel()
            return await self.respond(operation, SUCCESS)
        chosen = self.chosen(operator, value[2:])
        if chosen is None:
            return await self.respond(operation, NO_SUCH_OPERATOR)
        match operation:
            case 4:
                await self.device.indicate(self.point, b'\x05\x00' + struct.pack('<H', len(chosen)))
            case 1:
                await self.report(chosen)
            case 2:
                for number in chosen:
                    del self.records[number]
                self.device.ledger.event('erased', records=len(chosen))
                await self.respond(operation, SUCCESS if chosen else NOTHING_FOUND)
            case _:
                await self.respond(operation, NO_SUCH_OPERATION)

    async def report(self, chosen):
        flood, self.flood = self.flood, None
        self.device.paced = not flood
        for place, number in enumerate(chosen, 1):
            if flood and place % flood == 0:
                continue
            await self.records[number]()
            if place == self.drop_after:
                self.drop_after = None
                await self.device.walk_away()
                return
        self.device.paced = True
        if flood:  # the kernel would drop the answer as well, and with it the whole link
            await self.device.settle()
        await self.respond(REPORT, SUCCESS if chosen else NOTHING_FOUND)

    async def respond(self, operation, result):
        await self.device.indicate(self.point, bytes([6, 0, operation, result]))

    def chosen(self, operator, operand):
        numbers = sorted(self.records)
        bounds = [value for (value,) in struct.iter_unpack('<H', operand[1:][:len(operand[1:]) & ~1])]
        match operator:
            case 1:
                return numbers
            case 2 if len(bounds) == 1:
                return [number for number in numbers if number <= bounds[0]]
            case 3 if len(bounds) == 1:
                return [number for number in numbers if number >= bounds[0]]
            case 4 if len(bounds) == 2:
                return [number for number in numbers if bounds[0] <= number <= bounds[1]]
            case 5:
                return numbers[:1]
            case 6:
                return numbers[-1:]
        return None

"""A device: its own controller in the air, its services, its bonds, its ledger."""

import asyncio
import struct
import sys

from bumble.controller import Controller
from bumble.core import AdvertisingData, UUID
from bumble.device import Device
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR as CCCD, Characteristic, CharacteristicValue, Service)
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from ledger import Ledger

P, C = Characteristic.Properties, Characteristic.Permissions
PASSKEY = 123456


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def short(uuid):
    return UUID.from_16_bits(uuid)


def constant(uuid, value, permissions=C.READABLE):
    return Characteristic(short(uuid), P.READ, permissions, value)


def notified(uuid, properties=P.NOTIFY):
    return Characteristic(short(uuid), properties, C(0), b'')


def written(uuid, write, properties=P.WRITE, permissions=C.WRITEABLE, read=None):
    return Characteristic(short(uuid), properties, permissions, CharacteristicValue(read=read, write=write))


class Display(PairingDelegate):
    """Shows six digits, always the same."""

    def __init__(self):
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self):
        return PASSKEY

    async def display_number(self, number, digits):
        say(f'display shows {number:06}')


class Peripheral:
    """`stage` gives air, folder, tick, now and random numbers. A subclass gives `services` and
    what happens after a subscription."""

    name = '?'
    advertised = 0x0000
    # None: no bond. 'encrypted': Just Works. 'authenticated': six digits on its display.
    bond = None
    # A radio moves a few packets an interval, and the phone takes them in time; this air has no
    # intervals, and the guest may be slow: no more is under way than a phone would let.
    paced = True

    def __init__(self, stage, address):
        self.stage, self.address = stage, address
        self.ledger = Ledger(stage.folder, stage.scene, self.name.replace(' ', '-').lower())
        self.controller = Controller(
            self.name, link=stage.air, public_address=Address(address, Address.PUBLIC_DEVICE_ADDRESS))
        self.device = Device(
            name=self.name, address=Address(address), host=Host(self.controller, AsyncPipeSink(self.controller)))
        self.device.keystore = MemoryKeyStore()
        if self.bond:
            self.device.pairing_config_factory = lambda _: self.pairing()
        self.link = None
        self.tasks = set()
        for service in self.services():
            self.device.add_service(service)
        if self.bond:
            self._guard_subscriptions()
        self.device.on('connection', self._connected)

    # What a subclass gives.

    def services(self):
        raise NotImplementedError

    def connected(self):
        pass

    # What a subclass uses.

    def on_subscribe(self, characteristic, start):
        """Runs `start()` when the client asks for `characteristic`, until it is done or the link ends.
        Asking again meanwhile changes nothing."""
        running = []

        def changed(_, notify, indicate):
            if not (notify or indicate):
                return
            self.ledger.event('subscribed', characteristic=f'{self._number(characteristic):04x}')
            if not running or running[0].done():
                running[:] = [self.spawn(start())]
        characteristic.on(characteristic.EVENT_SUBSCRIPTION, changed)

    def spawn(self, work):
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _guarded(self, work):
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a device that fails must not look like one that is silent
            self.ledger.event('broken', why=repr(error))
            say(f'{self.name}: {error!r}')

    def is_subscribed(self, characteristic):
        server = self.device.gatt_server
        return any(server.read_cccd(bearer, characteristic) != b'\0\0' for bearer in server.subscribers)

    async def notify(self, characteristic, frame, readings=(), **more):
        """Sends and writes down a frame; False when nobody listens (then it is not written down)."""
        while self.paced and self.stage.under_way() >= AHEAD:
            await asyncio.sleep(SOON)
        if self.link is None or not self.is_subscribed(characteristic):
            return False
        self._sent(characteristic, frame, readings, **more)
        await self.device.notify_subscribers(characteristic, frame)
        return True

    async def indicate(self, characteristic, frame, readings=(), **more):
        """Like `notify`, and waits until the client has confirmed it."""
        if self.link is None or not self.is_subscribed(characteristic):
            return False
        self._sent(characteristic, frame, readings, **more)
        await self.device.indicate_subscribers(characteristic, frame)
        return self.link is not None

    async def tick(self):
        await asyncio.sleep(self.stage.tick)

    async def quiet(self):
        """Until the air is quiet and what went out has arrived. On a radio a link times out only after
        a silence, and what was not taken is sent again until then."""
        await asyncio.sleep(QUIET)
        while self.stage.under_way():
            await asyncio.sleep(SOON)

    async def settle(self):
        """After values that were not paced: until nothing more of them comes. What has not come by
        then never does."""
        before = None
        while before != self.stage.heard:
            before = dict(self.stage.heard)
            await asyncio.sleep(SETTLED)
        self.stage.sent.update({number: count - self.stage.sent[number] for number, count in before.items()})

    async def hang_up(self):
        """Ends the link politely, after the air has been quiet."""
        await self.quiet()
        if self.link:
            self.ledger.event('hangs up')
            await self.link.disconnect()

    async def walk_away(self):
        """Out of range once the air is quiet."""
        await self.quiet()
        self.vanish()

    def vanish(self, away=0.5):
        """Out of range for `away` seconds, from this moment: both ends time out."""
        self.ledger.event('out of range')
        air = self.stage.air
        air.lose(self.controller)

        async def rest():  # not a task of the link, which ends here
            await asyncio.sleep(QUIET)
            air.time_out(self.controller)
            await asyncio.sleep(away)
            self.ledger.event('in range')
            air.find(self.controller)
        self.stage.spawn(rest())

    # The machine.

    async def start(self):
        await self.device.power_on()
        parts = [
            (AdvertisingData.FLAGS, b'\x06'),
            (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, struct.pack('<H', self.advertised)),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode())]
        await self.device.start_advertising(
            auto_restart=True, advertising_data=bytes(AdvertisingData(parts)),
            advertising_interval_min=100, advertising_interval_max=100)

    async def stop(self):
        self._end_tasks()
        self.controller.le_legacy_advertiser.stop()
        self.stage.air.find(self.controller)
        self.stage.air.time_out(self.controller)
        self.stage.air.remove_controller(self.controller)
        self.ledger.close()

    def pairing(self):
        delegate = Display() if self.bond == 'authenticated' else PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
        return PairingConfig(sc=True, mitm=self.bond == 'authenticated', bonding=True, delegate=delegate)

    def guard(self, read=False, write=False):
        """Permissions of a characteristic that only a bonded client may use."""
        permissions = C(0)
        strong = self.bond == 'authenticated'
        if read:
            permissions |= C.READABLE
            if self.bond:
                permissions |= C.READ_REQUIRES_AUTHENTICATION if strong else C.READ_REQUIRES_ENCRYPTION
        if write:
            permissions |= C.WRITEABLE
            if self.bond:
                permissions |= C.WRITE_REQUIRES_AUTHENTICATION if strong else C.WRITE_REQUIRES_ENCRYPTION
        return permissions

    def _guard_subscriptions(self):
        """Only a bonded client may ask for what is measured; for the battery's level anybody may."""
        needed = C.WRITE_REQUIRES_AUTHENTICATION if self.bond == 'authenticated' else C.WRITE_REQUIRES_ENCRYPTION
        owner = None
        for attribute in self.device.gatt_server.attributes:
            if isinstance(attribute, Characteristic):
                owner = self._number(attribute)
            elif attribute.type == CCCD and owner not in (0x2A05, 0x2A19):
                attribute.permissions |= needed

    def _connected(self, link):
        self.link = link
        self.ledger.event('connected')
        link.on('disconnection', self._disconnected)
        link.on('pairing', lambda keys: self.ledger.event(
            'bonded', authenticated=bool(keys.ltk and keys.ltk.authenticated)))
        link.on('pairing_failure', lambda reason: self.ledger.event('bonding failed', reason=int(reason)))
        self.connected()

    def _disconnected(self, reason):
        self.ledger.event('disconnected', reason=int(reason))
        self.link = None
        self._end_tasks()

    def _end_tasks(self):
        current = asyncio.current_task()
        for task in list(self.tasks):
            if task is not current:
                task.cancel()

    def _sent(self, characteristic, frame, readings, **more):
        number = self._number(characteristic)
        self.ledger.sent(number, frame, readings, **more)
        if self.paced and number != 0x2A52:  # what is written to a control point may come back as if told
            self.stage.sent[number] += 1

    @staticmethod
    def _number(characteristic):
        return int.from_bytes(characteristic.uuid.uuid_bytes[:2], 'little')


# Seconds of silence before a link ends: what is on its way arrives first, as it would on a radio,
# where a link that has timed out has been silent for its supervision timeout.
QUIET = 0.3
# Seconds between two looks at what has arrived, and how many values may be under way.
SOON = 0.05
AHEAD = 60
# Seconds after which what was on its way has come; the guest tells what came five times a second.
SETTLED = 1.5


class Information:
    """Device information (0x180A) and battery (0x180F)."""

    def __init__(self, model, serial='0001', battery=87, maker='Example Instruments'):
        self.maker, self.model, self.serial, self.battery = maker, model, serial, battery

    def services(self):
        self.level = Characteristic(short(0x2A19), P.READ | P.NOTIFY, C.READABLE, bytes([self.battery]))
        return [
            Service(short(0x180A), [
                constant(0x2A29, self.maker.encode()), constant(0x2A24, self.model.encode()),
                constant(0x2A25, self.serial.encode()), constant(0x2A26, b'1.0')]),
            Service(short(0x180F), [self.level])]


__all__ = ['C', 'CharacteristicValue', 'Information', 'P', 'Peripheral', 'Service', 'constant', 'notified', 'say',
           'short', 'written']

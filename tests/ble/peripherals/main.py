#!/usr/bin/env python3
"""The air of a run: emulated devices on the host, for the guest to find.

Prints READY when the guest may start. The guest steers over a second socket, a line at a time,
each answered with "ok", or "no" and why:
  clock MS        the time of the guest, UTC: from now on the devices' too
  scene NAME      the devices of this scene, and no others, are there: "ok ADDRESS=NAME ..."
  status          "ok done" once every device of the scene has sent all it has
  keep NAME SIZE  SIZE bytes follow; they are kept in the ledger's folder under NAME
"""

import argparse
import asyncio
import datetime
import logging
import pathlib
import random
import time

from bumble.transport import open_transport

import scenes
from air import Air
from device import say


class Stage:
    """What the devices of a scene share."""

    def __init__(self, options, air):
        self.air, self.folder, self.tick, self.options = air, options.ledger, options.tick, options
        self.scene, self.devices, self.finished, self.tasks = None, [], set(), set()
        self.random = None
        self.set_clock(options.now)

    def set_clock(self, now):
        self.set_to, self.set_at = now, time.monotonic()

    def now(self):
        """The time on the wall."""
        return self.set_to + datetime.timedelta(seconds=time.monotonic() - self.set_at)

    def done(self, device):
        self.finished.add(device)

    def spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def show(self, scene):
        for task in list(self.tasks):
            task.cancel()
        for device in self.devices:
            await device.stop()
        self.scene, self.finished = scene, set()
        self.random = random.Random(f'{self.options.seed} {scene}')
        number = list(scenes.SCENES).index(scene)
        self.devices = scenes.SCENES[scene](
            self, (f'F0:0D:BE:EF:{number:02X}:{place:02X}' for place in range(256)))
        for device in self.devices:
            await device.start()


async def steer(stage, reader, writer):
    while line := await reader.readline():
        match line.decode().split():
            case ['scene', name] if name in scenes.SCENES:
                say(f'-- scene {name}')
                await stage.show(name)
                answer = ' '.join(['ok', *(f'{device.address}={device.name.replace(" ", "-")}' for device in stage.devices)])
            case ['clock', ms]:
                stage.set_clock(datetime.datetime.fromtimestamp(int(ms) / 1000, datetime.UTC).replace(tzinfo=None))
                answer = 'ok'
            case ['status']:
                answer = 'ok done' if len(stage.finished) == len(stage.devices) else 'ok'
            case ['keep', name, size] if '/' not in name:
                (stage.folder / name).write_bytes(await reader.readexactly(int(size)))
                answer = 'ok'
            case _:
                answer = f'no such command: {line!r}'
        writer.write(f'{answer}\n'.encode())
        await writer.drain()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sockets', type=pathlib.Path, help='folder for hci.sock and steer.sock')
    parser.add_argument('ledger', type=pathlib.Path, help='folder for the ledgers')
    parser.add_argument('--recording', type=pathlib.Path, required=True, help='a TCX file with heart rates')
    parser.add_argument('--tick', type=float, default=0.02, help='seconds between two values')
    parser.add_argument('--night', type=int, default=3600, help='values of the long stream')
    parser.add_argument('--now', type=datetime.datetime.fromisoformat, required=True, help='UTC, of the run')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    options.ledger.mkdir(parents=True, exist_ok=True)

    air = Air()
    stage = Stage(options, air)
    transport = await open_transport(f'unix-server:{options.sockets}/hci.sock')
    air.add_guest(transport.source, transport.sink)
    server = await asyncio.start_unix_server(
        lambda reader, writer: steer(stage, reader, writer), f'{options.sockets}/steer.sock')
    print('READY', flush=True)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(main())

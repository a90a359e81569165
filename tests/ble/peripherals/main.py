#!/usr/bin/env python3
"""The air of a run: emulated devices on the host, for the guest to find.

Prints READY when the guest may start. The guest steers over a second socket, a line at a time,
each answered with "ok", or "no" and why:
  clock MS        the time of the guest, UTC: from now on the devices' too
  scene NAME      the devices of this scene are there, too: "ok ADDRESS=NAME ..."
  heard NAME 2a37=60 ...   so many values of a scene's devices came so far, by characteristic;
                  "ok done" once every device of it has sent all it has, and all of that came
  over NAME       the devices of this scene are gone
  keep NAME SIZE  SIZE bytes follow; they are kept in the ledger's folder under NAME
"""

import argparse
import asyncio
import collections
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
    """What the devices of a scene share. Several scenes are on at a time."""

    def __init__(self, world, scene):
        self.world, self.scene, self.options = world, scene, world.options
        self.air, self.folder, self.tick, self.now = world.air, world.options.ledger, world.options.tick, world.now
        self.devices, self.finished, self.tasks = [], set(), set()
        # by characteristic: what went out, and what the guest says it has
        self.sent, self.heard = collections.Counter(), {}
        self.random = random.Random(f'{world.options.seed} {scene}')

    def done(self, device):
        self.finished.add(device)

    def spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def under_way(self):
        """Values that went out and have not arrived, as far as the guest has said."""
        return sum(max(0, count - self.heard.get(number, 0)) for number, count in self.sent.items())

    def is_done(self):
        return len(self.finished) == len(self.devices) and not self.under_way()

    async def begin(self):
        number = list(scenes.SCENES).index(self.scene)
        self.devices = scenes.SCENES[self.scene](
            self, (f'F0:0D:BE:EF:{number:02X}:{place:02X}' for place in range(256)))
        for device in self.devices:
            await device.start()

    async def end(self):
        for task in list(self.tasks):
            task.cancel()
        for device in self.devices:
            await device.stop()


class World:
    """The air, the time, and the scenes that are on."""

    def __init__(self, options, air):
        self.options, self.air, self.stages = options, air, {}
        self.set_clock(options.now)

    def set_clock(self, now):
        self.set_to, self.set_at = now, time.monotonic()

    def now(self):
        """The time on the wall."""
        return self.set_to + datetime.timedelta(seconds=time.monotonic() - self.set_at)


async def steer(world, reader, writer):
    while line := await reader.readline():
        match line.decode().split():
            case ['scene', name] if name in scenes.SCENES and name not in world.stages:
                say(f'-- scene {name}')
                stage = world.stages[name] = Stage(world, name)
                await stage.begin()
                answer = ' '.join(['ok', *(f'{device.address}={device.name.replace(" ", "-")}' for device in stage.devices)])
            case ['heard', name, *counts] if name in world.stages:
                stage = world.stages[name]
                for number, count in (word.split('=') for word in counts):
                    stage.heard[int(number, 16)] = int(count)
                answer = 'ok done' if stage.is_done() else 'ok'
            case ['over', name] if name in world.stages:
                say(f'-- over {name}')
                await world.stages.pop(name).end()
                answer = 'ok'
            case ['clock', ms]:
                world.set_clock(datetime.datetime.fromtimestamp(int(ms) / 1000, datetime.UTC).replace(tzinfo=None))
                answer = 'ok'
            case ['keep', name, size] if '/' not in name:
                (world.options.ledger / name).write_bytes(await reader.readexactly(int(size)))
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
    world = World(options, air)
    transport = await open_transport(f'unix-server:{options.sockets}/hci.sock')
    air.add_guest(transport.source, transport.sink)
    server = await asyncio.start_unix_server(
        lambda reader, writer: steer(world, reader, writer), f'{options.sockets}/steer.sock')
    print('READY', flush=True)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(main())

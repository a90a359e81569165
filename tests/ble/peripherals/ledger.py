"""What a device sent, as JSON lines: one file a device, flushed line by line.

`sent`: a frame that went out, with the readings in it. A reading has an id that is its own within
the device: a record sent twice has the same id, and is one reading. `code` is LOINC's (or a name
of IEEE 11073, "mdc|"), `value` a decimal in `unit` (UCUM), `time` the device's own (absent: none sent).
`wrote`: what the client wrote. `event`: what happened to the link.
"""

import json
import time

START = time.monotonic()


class Ledger:
    def __init__(self, folder, scene, device):
        self.file = open(folder / f'{scene}.{device}.jsonl', 'w', encoding='utf-8')
        self.frames = 0

    def sent(self, characteristic, frame, readings=(), **more):
        self.frames += 1
        self._line(kind='sent', characteristic=f'{characteristic:04x}', frame=frame.hex(),
                   readings=list(readings), **more)

    def wrote(self, characteristic, value):
        self._line(kind='wrote', characteristic=f'{characteristic:04x}', frame=bytes(value).hex())

    def event(self, what, **more):
        self._line(kind='event', what=what, **more)

    def close(self):
        self.file.close()

    def _line(self, **fields):
        if not self.file.closed:
            at = round(time.monotonic() - START, 3)
            self.file.write(json.dumps({'at': at, **fields}) + '\n')
            self.file.flush()


def reading(id, code, value, unit, time=None, **more):
    """One reading as the ledger keeps it; `value` is text, with the digits the frame carries."""
    return {'id': id, 'code': code, 'value': value, 'unit': unit,
            **({'time': time.isoformat()} if time else {}), **more}

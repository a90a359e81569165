"""Fields as the GATT Specification Supplement lays them out. Written for the tests alone: the
project's parsers are in Rust, and are judged by what these bytes were made from."""

import struct

SFLOAT_NAN, SFLOAT_NRES, SFLOAT_PLUS_INF = b'\xff\x07', b'\x00\x08', b'\xfe\x07'


def sfloat(mantissa, exponent=0):
    return struct.pack('<H', (exponent & 0xF) << 12 | mantissa & 0xFFF)


def float32(mantissa, exponent=0):
    return struct.pack('<I', (exponent & 0xFF) << 24 | mantissa & 0xFFFFFF)


def u24(value):
    return struct.pack('<I', value)[:3]


def date_time(at):
    return struct.pack('<HBBBBB', at.year, at.month, at.day, at.hour, at.minute, at.second)


def crc(data):
    """The CRC of the glucose sensor profile: polynomial 0x1021 from the low bit, start 0xFFFF."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
    return struct.pack('<H', value)

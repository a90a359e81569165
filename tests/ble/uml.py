#!/usr/bin/env python3
"""usage: uml.py LINUX INITRD SOCKETS. User-mode Linux: ttyS0 is SOCKETS/hci.sock, ttyS1 SOCKETS/steer.sock."""

import os
import socket
import subprocess
import sys

linux, initrd, sockets = sys.argv[1:]
lines = []
for name in ('hci', 'steer'):
    line = socket.socket(socket.AF_UNIX)
    line.connect(f'{sockets}/{name}.sock')
    lines.append(line)
hci, steer = (line.fileno() for line in lines)
os.set_inheritable(hci, True)
os.set_inheritable(steer, True)
sys.exit(subprocess.call(
    [linux, 'mem=384M', f'initrd={initrd}', 'con=null', 'con0=fd:0,fd:1', 'ssl=null',
     f'ssl0=fd:{hci},fd:{hci}', f'ssl1=fd:{steer},fd:{steer}', 'panic=-1', 'quiet', 'loglevel=3'],
    pass_fds=(hci, steer), stdin=subprocess.DEVNULL))

"""Programs that try to reach out of the sandbox, to harm what is outside, or never to end."""

from __future__ import annotations

import re
from textwrap import indent

ATTACKS = {
    "fork bomb": "import os\nwhile True: os.fork()",
    "fork bomb that goes on": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "double fork": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(600)",
    "thread bomb": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(600,)).start()",
    "threads that compute": "import threading\ndef work():\n    while True: sum(range(10 ** 5))\nfor _ in range(4): threading.Thread(target=work).start()",
    "process pool": "import multiprocessing\nprint(multiprocessing.Pool(8).map(abs, [1]))",
    "subprocess": "import subprocess\nprint(subprocess.check_output(['/bin/sh', '-c', 'cat {secret}']))",
    "system": "import os\nprint(os.system('cat {secret}'))",
    "spawn": "import os\nos.posix_spawn('/bin/sh', ['sh', '-c', 'touch {folder}/spawned'], {})",
    "exec": "import os\nos.execv('/bin/cat', ['cat', '{secret}'])",
    "clone by ctypes": "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.syscall(56, 0x10000011, 0, 0, 0, 0), libc.fork(), libc.vfork())",
    "connect": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1).send(b'hello')",
    "udp": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "unix socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('{unix}')",
    "abstract socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0{abstract}')",
    "netlink": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))",
    "vsock": "import socket\nsocket.socket(40, socket.SOCK_STREAM).connect((2, 22))",
    "download": "import urllib.request\nprint(urllib.request.urlopen('http://127.0.0.1:{port}/', timeout=1).read())",
    "name server": "import socket\nprint(socket.gethostbyname('example.com'))",
    "socket by ctypes": "import ctypes\nprint(ctypes.CDLL(None).socket(2, 1, 0), ctypes.CDLL(None).syscall(41, 2, 1, 0))",
    "passwd": "print(open('/etc/passwd').read())",
    "secret": "print(open('{secret}').read())",
    "secret by fd": "import os\nfor fd in range(3, 64):\n    try: print(os.read(fd, 99))\n    except OSError: pass",
    "walk": "import os\nfor folder, _, files in os.walk('/'):\n    for name in files:\n        if 'canary' in name: print(open(os.path.join(folder, name)).read())",
    "parent folders": "import os\nfor _ in range(64): os.chdir('..')\nprint(open('.' + '{secret}').read())",
    "proc environ": "print(open('/proc/1/environ').read(), open('/proc/self/environ').read())",
    "proc root": "import os\nprint(os.listdir('/proc/1/root/root'), open('/proc/1/root{secret}').read())",
    "proc mem": "open('/proc/self/mem', 'wb').write(b'x')",
    "mount proc": "import ctypes, os\nos.mkdir('p')\nprint(ctypes.CDLL(None, use_errno=True).mount(b'proc', b'p', b'proc', 0, 0), os.listdir('p'))",
    "mount root": "import ctypes\nprint(ctypes.CDLL(None).mount(b'/dev/vda', b'/tmp', b'ext4', 0, 0), open('{secret}').read())",
    "remount": "import ctypes\nprint(ctypes.CDLL(None).mount(b'none', b'/', b'', 0x1020, 0))\nopen('/python/written', 'w').write('x')",
    "unshare": "import ctypes\nprint('left' if ctypes.CDLL(None).unshare(0x10000000) == 0 else 'refused')\nprint(open('{secret}').read())",
    "setns": "import ctypes, os\nprint(ctypes.CDLL(None).setns(os.open('/proc/1/ns/mnt', 0), 0))",
    "chroot": "import os\nos.mkdir('d')\nos.chroot('d')\nos.chdir('../../../../..')\nprint(open('.' + '{secret}').read())",
    "mknod": "import os, stat\nos.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0))\nprint(open('disk', 'rb').read(99))",
    "ptrace": "import ctypes\nprint(ctypes.CDLL(None).ptrace(16, 1, 0, 0), ctypes.CDLL(None).ptrace(16, {pid}, 0, 0))",
    "keyring": "import ctypes\nprint(ctypes.CDLL(None).syscall(250, 0, -3, 1), ctypes.CDLL(None).syscall(248, b'user', b'x', b'y', 1, -3))",
    "environment": "import os\nprint(dict(os.environ))\nprint(os.environ['ERRATA_CANARY'])",
    "kill all": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "kill a process": "import os\nos.kill({pid}, 9)",
    "kill the parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)",
    "kill the group": "import os, signal\nos.killpg(0, signal.SIGKILL)",
    "stop itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "ignore signals": "import signal\nfor number in range(1, 65):\n    try: signal.signal(number, lambda *_: None)\n    except (OSError, ValueError): pass\nwhile True: pass",
    "alarm": "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: signal.pause()",
    "four gigabytes": "data = bytearray(4 << 30)\nfor at in range(0, len(data), 4096): data[at] = 1",
    "memory bit by bit": "data = []\nwhile True: data.append(bytearray(1 << 20))",
    "memory in a map": "import mmap\nmaps = []\nwhile True: maps.append(mmap.mmap(-1, 1 << 28))",
    "memory in a file": "import os\nwhile True: os.write(os.memfd_create('x'), b'x' * (1 << 24))",
    "shared memory": "import ctypes\nprint([ctypes.CDLL(None).shmget(0, 1 << 30, 0o1600) for _ in range(9)])",
    "big number": "print(len(str(9 ** 9 ** 9)))",
    "compressed bomb": "import zlib\ndata = zlib.compress(b'0' * (1 << 28))\nprint([len(zlib.decompress(data)) for _ in range(9999)])",
    "endless": "while True: pass",
    "sleep": "import time\ntime.sleep(600)",
    "endless in C": "print(sum(iter(int, 1)))",
    "regular expression": "import re\nre.match(r'(a+)+$', 'a' * 99 + 'b')",
    "wait for input": "import os\nread, write = os.pipe()\nos.read(read, 1)",
    "output flood": "while True: print('x' * 10000)",
    "error flood": "import sys\nwhile True: sys.stderr.write('x' * 10000)",
    "report flood": "import os\nwhile True:\n    for fd in range(3, 64):\n        try: os.write(fd, b'x' * 60000)\n        except OSError: pass",
    "made-up report": "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{\"ended\": 7}')\n    except OSError: pass\nos._exit(0)",
    "fill the disk": "number = 0\nwhile True:\n    number += 1\n    open(str(number), 'wb').write(b'x' * (1 << 20))",
    "fill the packages' folder": "import sys\nfor place in [p + '/site-packages' for p in sys.path]:\n    try:\n        for number in range(999): open('%s/%d' % (place, number), 'wb').write(b'x' * (1 << 20))\n    except OSError: pass",
    "socket pairs": "import socket\nprint(socket.socketpair())",
    "many files": "number = 0\nwhile True:\n    number += 1\n    open('f%d' % number, 'w').close()",
    "deep folders": "import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')",
    "symbolic link": "import os\nos.symlink('{folder}', 'out')\nopen('out/written', 'w').write('x')",
    "symbolic link to a file": "import os\nos.symlink('{secret}', 'out')\nopen('out', 'w').write('x')",
    "write": "open('{folder}/written', 'w').write('x')",
    "write the interpreter": "import os\nopen(os.__file__, 'w').write('x')",
    "deep recursion": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(n): return f(n + 1)\nf(0)",
    "deep recursion in C": "import sys\nsys.setrecursionlimit(10 ** 9)\nx = []\nfor _ in range(10 ** 6): x = [x]\nrepr(x)",
    "deep source": "eval('(' * 5000 + ')' * 5000)",
    "null pointer": "import ctypes\nctypes.string_at(0)",
    "bad bytecode": "def f(): pass\nf.__code__ = f.__code__.replace(co_code=b'\\x64\\xff' * 99)\nf()",
    "leave": "import os\nos._exit(0)",
    "exit": "import sys\nsys.exit(0)",
    "close everything": "import os\nos.closerange(0, 64)",
    "import hook": "import sys\nclass Finder:\n    def find_spec(self, name, *_): print(name, open('{secret}').read())\nsys.meta_path.insert(0, Finder())\nimport uuid",
    "broken builtins": "import builtins, json, os\nbuiltins.len = json.dumps = os.write = lambda *_: 1 / 0",
    "frames": "import sys\nframe = sys._getframe()\nwhile frame: print(sorted(frame.f_locals)); frame = frame.f_back\nprint(open('{secret}').read())",
    "trace": "import sys\nsys.settrace(lambda *_: open('{secret}').read())\ndef f(): pass\nf()",
    "raise limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\ndata = bytearray(4 << 30)",
    "priority": "import os\nos.nice(-20)\nwhile True: pass",
    "host name": "import socket\nsocket.sethostname('owned')",
    "clock": "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)",
    "text that runs": "class Loud:\n    def __str__(self): return open('{secret}').read()\n    __repr__ = __str__\nanswer = Loud()\nraise ValueError(Loud())",
    "exception that runs": "class Loud(Exception):\n    def __str__(self):\n        while True: pass\nraise Loud",
    "at exit": "import atexit, time\natexit.register(time.sleep, 600)",
    "finalizer": "import time\nclass Slow:\n    def __del__(self): time.sleep(600)\nslow = Slow()",
    "asynchronous": "import asyncio\nasync def f(): await asyncio.open_connection('127.0.0.1', {port})\nasyncio.run(f())",
    "shell escape": "answer = '$(touch {folder}/shell)'\nprint('; cat {secret} #', answer)",
    "half characters": "print('\\ud800')\nanswer = '\\udfff'",
    "terminal": "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSTI, b'x')",
    "io_uring": "import ctypes\nprint(ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120)), ctypes.CDLL(None).syscall(321, 0, 0, 0))",
}  # fmt: skip
"""Each by its name. `{secret}` is a file outside, `{folder}` its folder, `{port}` a port that listens, `{pid}` a process."""
FEW = (
    "fork bomb", "thread bomb", "connect", "unix socket", "passwd", "walk", "environment", "kill all", "four gigabytes", "endless",
    "output flood", "symbolic link", "mount proc", "ignore signals",
)  # fmt: skip
"""Those that are tried wherever the tests run."""


def _insist(program: str) -> str:
    return f"while True:\n    try:\n{indent(program, ' ' * 8)}\n    except BaseException: pass"


def _defer(program: str) -> str:
    return f"import sys\ndef hook(*_):\n{indent(program, ' ' * 4)}\nsys.stdout.flush = hook"


def list_programs(values: dict[str, object]) -> dict[str, str]:
    """All attacks, each as it is, once more with every exception swallowed, and once more when the runner writes its report."""
    plain = {
        name: re.sub(r"\{(secret|folder|port|unix|abstract|pid)\}", lambda match: str(values[match[1]]), text)
        for name, text in ATTACKS.items()
    }
    insisting = {f"{name}, insisting": _insist(text) for name, text in plain.items()}
    deferred = {f"{name}, deferred": _defer(text) for name, text in plain.items()}
    return plain | insisting | deferred

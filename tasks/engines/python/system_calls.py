"""The system calls that a program in the sandbox is refused, as the filter (seccomp, classic BPF) that bubblewrap loads.

Namespaces hide what is outside; the filter takes away the means to reach it
all the same: sockets of any family, processes and threads, namespaces and
mounts, other processes' memory, memory that no limit counts, and the parts of
the kernel in which most holes were found.
"""

from __future__ import annotations

import errno
import platform
import struct

_NUMBERS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (0xC000003E, {
        "shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58, "semget": 64, "msgget": 68, "ptrace": 101,
        "personality": 135, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169, "init_module": 175,
        "quotactl": 179, "remap_file_pages": 216, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "mbind": 237,
        "migrate_pages": 256, "unshare": 272, "move_pages": 279, "vmsplice": 278, "perf_event_open": 298, "fanotify_init": 300,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
        "finit_module": 313, "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "mknod": 133, "mknodat": 259,
    }),
    "aarch64": (0xC00000B7, {
        "shmget": 194, "shmat": 196, "shmctl": 195, "socket": 198, "socketpair": 199, "clone": 220, "semget": 190, "msgget": 186, "ptrace": 117, "personality": 92,
        "pivot_root": 41, "chroot": 51, "mount": 40, "umount2": 39, "swapon": 224, "reboot": 142, "init_module": 105, "quotactl": 60,
        "remap_file_pages": 234, "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "mbind": 235, "migrate_pages": 238,
        "unshare": 97, "move_pages": 239, "vmsplice": 75, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273,
        "memfd_create": 279, "kexec_file_load": 294, "bpf": 280, "userfaultfd": 282, "mknodat": 33,
    }),
}  # fmt: skip
"""Of each processor the number by which the kernel knows it, and its numbers of the calls."""
_SINCE_2019 = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440,
    "mount_setattr": 442, "quotactl_fd": 443, "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448,
}  # fmt: skip
"""Calls that have one number everywhere."""
_CLONE3 = 435
"""What it is to make lies in memory, where no filter can look: C libraries take `clone` where the kernel has none."""
_LAST_KNOWN = 450
_LOAD, _EQUAL, _GREATER_OR_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def is_known_machine() -> bool:
    """Whether there are numbers for this machine's processor."""
    return platform.machine() in _NUMBERS


def compile_filter() -> bytes:
    """The filter for this machine: an instruction of eight bytes after the other, as the kernel takes it."""
    architecture, own = _NUMBERS[platform.machine()]
    program = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]  # fmt: skip
    for number in sorted({*own.values(), *_SINCE_2019.values()}):
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    # what came later, and the other calling convention of x86_64, whose numbers are higher
    program += [
        (_GREATER_OR_EQUAL, 0, 1, _LAST_KNOWN + 1),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)

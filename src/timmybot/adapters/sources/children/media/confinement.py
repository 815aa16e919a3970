"""What a media child may not do, whatever a file makes it do: Linux's seccomp and resource limits.

After :func:`confine` the process opens no socket and no file, begins no other process, looks into none, and its
memory is bounded. Its sockets to the worker stay open. Elsewhere than on Linux only the limits hold that there are.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; the numbers of system calls are those of
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from pathlib import Path
from typing import Final

MORE_BYTES: Final = 192 * 1024**2
"""Address space beyond what the process begins with. Twenty streams take 35 MiB, an index of ten hours 38."""
_OPEN_FILES: Final = 256

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EACCES, _ENOSYS = 13, 38
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32: Final = 0x40000000
_CLONE_THREAD: Final = 0x00010000

_COMMON: Final = (424, 425, 434, 435, 437, 438, 439, *range(428, 434), 442, 452)
"""One number everywhere: pidfd_send_signal, io_uring_setup, pidfd_open, clone3 (which gets ENOSYS), openat2,
pidfd_getfd, faccessat2, open_tree to fspick, mount_setattr, fchmodat2."""
_CLONE3: Final = 435

_DENIED: Final = {
    "x86_64": (
        *(41, 42, 43, 49, 50, 53, 288),  # socket, connect, accept, bind, listen, socketpair, accept4
        *(2, 85, 257, 76, 82, 83, 84, 86, 87, 88, 90, 92),  # open, creat, openat, and what changes names and modes
        *(258, 259, 260, 263, 264, 265, 266, 268, 316),  # the same relative to a folder
        *(57, 58, 59, 322),  # fork, vfork, execve, execveat
        *(62, 101, 200, 310, 311, 129, 297),  # kill, ptrace, tkill, process_vm_readv and writev, rt_(tg)sigqueueinfo
        *(302, 141, 203, 144, 142, 314, 251),  # prlimit64, setpriority, the scheduler's, ioprio_set
        *(
            272,
            308,
            161,
            155,
            166,
            313,
            320,
            248,
            249,
            133,
            94,
            77,
        ),  # namespaces, roots, modules, keys, mknod, ftruncate
        *(165, 175, 246, 250, 298, 304, 321, 323),  # mount, modules, kexec, keyctl, perf, by-handle, bpf, userfaultfd
    ),
    "aarch64": (
        *(198, 199, 200, 201, 202, 203, 242),  # socket, socketpair, bind, listen, accept, connect, accept4
        *(56, 45, 33, 34, 35, 36, 37, 38, 53, 54, 276),  # openat, truncate, and what changes names and modes
        *(221, 281),  # execve, execveat
        *(129, 117, 130, 270, 271, 138, 240),  # kill, ptrace, tkill, process_vm_readv and writev, rt_(tg)sigqueueinfo
        *(261, 140, 122, 119, 118, 274, 30),  # prlimit64, setpriority, the scheduler's, ioprio_set
        *(97, 268, 51, 41, 39, 273, 294, 217, 218, 46),  # namespaces, roots, modules, keys, ftruncate
        *(40, 105, 104, 219, 241, 265, 280, 282),  # mount, modules, kexec, keyctl, perf, by-handle, bpf, userfaultfd
    ),
}
_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 56, 317, 234), "aarch64": (0xC00000B7, 220, 277, 131)}
"""AUDIT_ARCH, and the numbers of clone, seccomp and tgkill."""


def die_with_the_worker() -> None:
    """Have the system kill this process when the thread ends that began it. Closed sockets tell it as well."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def confine() -> bool:
    """Give up what a decoder does not need, in all threads of this process. Whether the system took it all.

    Call it last: neither a module nor a file can be opened behind it.
    """
    limited = _limit()
    return _filter() and limited


def _limit() -> bool:
    if sys.platform == "win32":
        return False
    import resource  # noqa: PLC0415  # there is none on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if sys.platform != "linux":
        return False
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MORE_BYTES, mapped + MORE_BYTES))
    return True


def _filter() -> bool:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    program = b"".join(struct.pack("<HBBI", *step) for step in filter_program(machine, os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    given = Program(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    seccomp = _ARCHITECTURES[machine][2]
    return not libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(given))


def filter_program(machine: str, pid: int) -> list[tuple[int, int, int, int]]:
    """The filter in Berkeley packet filter code: operation, how many steps to pass over if so and if not, value.

    ``pid`` is that of the process, which may send signals to its own threads: that is how it aborts.
    """
    architecture, clone, _, tgkill = _ARCHITECTURES[machine]
    denied = [*_DENIED[machine], *(number for number in _COMMON if number != _CLONE3)]
    head = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ERRNO | _EACCES)]
    tests = [(_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, None, 0, _X32), (_EQUAL, -1, 0, _CLONE3)]
    tests += [(_EQUAL, None, 0, number) for number in denied]
    # What is left is allowed, but for a signal to another process, and a clone that is no thread.
    tail = [
        (_EQUAL, 0, 2, tgkill),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_EQUAL, 3, 4, pid),
        (_EQUAL, 0, 2, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_ANY_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _EACCES),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    deny_at, nosys_at = len(tests) + len(tail) - 2, len(tests) + len(tail) - 1
    placed = []
    for place, (operation, if_so, if_not, value) in enumerate(tests):
        target = {None: deny_at, -1: nosys_at}.get(if_so)
        placed.append((operation, (target - place - 1) if target is not None else int(if_so or 0), if_not, value))
    return [*head, *placed, *tail]


def address_space_limit() -> int | None:
    """In bytes; ``None`` where there is none."""
    if sys.platform != "linux" or not os.path.exists("/proc"):  # noqa: PTH110
        return None
    import resource  # noqa: PLC0415

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit

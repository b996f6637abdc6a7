"""What the machine is, as far as the system tells in less than a millisecond: its processor, cores and caches."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import sys
from dataclasses import dataclass

from llvmlite import binding

SYSTEM_CACHES = "/sys/devices/system/cpu/cpu0/cache"
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Machine:
    """What crossover sizes depend on.

    Attributes
    ----------
    processor
        As LLVM names it: sapphirerapids.
    system
        Linux x86_64.
    cores
        All of them, whatever this process may use.
    caches
        Bytes of the first-level data cache, the second and the third; 0 where there is none or the system does not tell.
    """

    processor: str
    system: str
    cores: int
    caches: tuple[int, int, int]


@functools.cache
def this_machine() -> Machine:
    """The one that we run on."""
    sizes = next(filter(None, (source() for source in (_from_sys, _from_sysconf, _from_sysctl))), {})
    first, second, third = (sizes.get(level, 0) for level in (1, 2, 3))
    system = f"{platform.system()} {platform.machine()}"
    return Machine(binding.get_host_cpu_name(), system, os.cpu_count() or 1, (first, second, third))


def _from_sys() -> dict[int, int]:
    """Cache sizes by level on Linux."""
    sizes: dict[int, int] = {}
    with contextlib.suppress(OSError, ValueError, KeyError):  # ends at the first index that there is not
        for index in range(8):
            level, kind, size = (_line(f"{SYSTEM_CACHES}/index{index}/{name}") for name in ("level", "type", "size"))
            if kind != "Instruction":
                sizes[int(level)] = int(size[:-1]) * UNITS[size[-1]]
    return sizes


def _line(path: str) -> str:
    with open(path) as file:
        return file.readline().strip()


def _from_sysconf() -> dict[int, int]:
    """The same from glibc, where /sys is hidden."""
    names = {1: "SC_LEVEL1_DCACHE_SIZE", 2: "SC_LEVEL2_CACHE_SIZE", 3: "SC_LEVEL3_CACHE_SIZE"}
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return {level: size for level, name in names.items() if (size := os.sysconf(name)) > 0}
    return {}


def _from_sysctl() -> dict[int, int]:
    """The same on macOS: of the fast cores, where there are two kinds."""
    if sys.platform != "darwin":
        return {}
    sizes = {}
    for level, name in {1: "l1dcachesize", 2: "l2cachesize", 3: "l3cachesize"}.items():
        sizes[level] = _sysctl(f"hw.perflevel0.{name}") or _sysctl(f"hw.{name}")
    return sizes


def _sysctl(name: str) -> int:
    value, length = ctypes.c_int64(), ctypes.c_size_t(8)
    ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(length), None, ctypes.c_size_t())
    return value.value


def processor_name() -> str:
    """The name that its maker gives to the processor, where the system tells; else LLVM's."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    if sys.platform == "darwin":
        text, length = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
        name = b"machdep.cpu.brand_string"
        ctypes.CDLL(None).sysctlbyname(name, text, ctypes.byref(length), None, ctypes.c_size_t())
        return text.value.decode()
    return platform.processor() if sys.platform == "win32" else this_machine().processor

"""What a Postgres server of the course is set to: the same on every backend, so that plans and marks are
the same."""

from __future__ import annotations

import secrets
from pathlib import Path

MAJOR = 18
IMAGE = f"postgres:{MAJOR}"
SUPERUSER = "postgres"

# Sorts by code point, whatever the machine's C library: ICU and libc change the order of text between
# versions.
INITDB = (
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--auth=scram-sha-256",
    "--no-sync",
    "--set=dynamic_shared_memory_type=mmap",  # also while initdb works: see SETTINGS
    "--set=scram_iterations=1",  # for the superuser's password, as for all others: 4 ms a connection
)

BACKEND_BYTES = 256 * 2**20  # private memory of one server process; more is that query's error, not the machine's end
FILE_BYTES = 512 * 2**20  # of one table or index: an answer that writes without end fills no disk

SETTINGS = {
    # The data is a cache that can be made again, so nothing waits for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    # The whole course fits into 2 GB.
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "max_connections": "100",
    "io_method": "sync",
    # In the data folder, not in /dev/shm, where a killed server would leave it for good.
    "dynamic_shared_memory_type": "mmap",
    # The same plan every time: nothing in the background changes statistics, and nothing depends on the
    # cores.
    "autovacuum": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_worker_processes": "2",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "track_commit_timestamp": "on",  # tells which rows were written together
    # Passwords are random, 128 bits: stretching them would only make each connection slower.
    "scram_iterations": "1",
    # An answer may RAISE as often as it likes; that must not fill the disk.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "max_prepared_transactions": "0",
    "max_notify_queue_pages": "256",  # 2 MB: whoever notifies without end is refused, and fills no disk
}


def arguments(**more: str) -> list[str]:
    """The settings as arguments of `postgres`."""
    return [argument for name, value in {**SETTINGS, **more}.items() for argument in ("-c", f"{name}={value}")]


def password(file: Path) -> str:
    """The superuser's password of a data folder, kept beside it where only its own user can read it."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()

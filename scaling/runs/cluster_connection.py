"""A connection to a Dask cluster: which one, whether it may be trusted, and why it cannot be reached."""

from __future__ import annotations

import logging
import ssl
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scaling.atomic_write import LARGEST_DOCUMENT, json_of, read_regular
from scaling.environment import prepare_environment
from scaling.errors import ClusterError, ConfigError
from scaling.training.engine import best_device
from scaling.training.machine import pack

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Security

LOCAL = "local"
TIMEOUT_S = 10.0
"""Seconds that a scheduler, or its file, is waited for."""
CLOSING_S = 30.0
"""Seconds that workers of a local cluster are given to leave; trainings have stopped by then."""
LOCAL_CONFIG: dict[str, Any] = {
    # Dask's HTTP servers cannot be left out; without routes they answer nothing.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Dask lets malloc give every freed block back, which trainings would pay for at each step.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A client, and the cluster of this machine where it was started for it."""

    client: Client
    cluster: LocalCluster | None = None

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return str(self.client.scheduler.address) if self.client.scheduler else "?"

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        with suppress(OSError, TimeoutError):
            self.client.close(timeout=TIMEOUT_S)
        if self.cluster is not None:
            with suppress(TimeoutError):  # what is left then ends with this process
                self.cluster.close(timeout=CLOSING_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which Dask cluster trains.

    Args:
        address: of the scheduler, `tls://host:port` or `tcp://host:port`; `local` starts workers here.
        scheduler_file: that a scheduler writes its address to, instead of an address.
        insecure: whether a scheduler may be without TLS.
        workers: of a local cluster; as many as the machine has room for if None.
    """

    address: str | None = None
    scheduler_file: Path | None = None
    insecure: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if (self.address is None) == (self.scheduler_file is None):
            raise ConfigError("give either --cluster ADDRESS or --scheduler-file FILE")
        if self.address not in {None, LOCAL}:
            checked(str(self.address), insecure=self.insecure)
        if self.workers is not None and self.address != LOCAL:
            raise ConfigError("a cluster has its own workers; --workers goes with --cluster local")

    def connect(self) -> Connection:
        """Connect to the scheduler, or start one.

        Raises:
            ClusterError: Dask is not installed, or no scheduler answers, or it refuses.
            ConfigError: the scheduler is without TLS, or certificates are missing.
        """
        try:
            import distributed  # noqa: F401, PLC0415
        except ImportError:
            raise ClusterError("a cluster needs Dask: pip install 'efficientnet-scaling[cluster]'") from None
        _quiet()
        if self.address == LOCAL:
            return _started(self.workers)
        address = checked(self.address or _address_in(self.scheduler_file), insecure=self.insecure)
        return _connected(address, _credentials(address))


def checked(address: str, *, insecure: bool) -> str:
    """Return a scheduler's address, seen to be one that nobody else can listen to or answer at.

    Args:
        address: `tls://host:port`, or `tcp://host:port`.
        insecure: whether TLS may be missing, on loopback too: other users of the machine could connect.

    Raises:
        ConfigError: it is no address, or is refused.

    >>> checked("tls://127.0.0.1:8786", insecure=False)
    'tls://127.0.0.1:8786'
    >>> checked("tcp://127.0.0.1:8786", insecure=False)
    Traceback (most recent call last):
    ...
    scaling.errors.ConfigError: tcp://127.0.0.1:8786 has no TLS: whoever reaches it could run any program as \
you; use tls://, or --insecure-cluster where nobody else can connect
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"tcp", "tls"} and parts.hostname and parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"expected tls://host:port, tcp://host:port or local, got {address!r}")
    if parts.scheme == "tcp" and not insecure:
        raise ConfigError(
            f"{address} has no TLS: whoever reaches it could run any program as you; use tls://, "
            "or --insecure-cluster where nobody else can connect"
        )
    return address


def _address_in(file: Path | None) -> str:
    """Return the address in a scheduler's file; one that is not there yet is waited for."""
    assert file is not None
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return str(json_of(read_regular(file, LARGEST_DOCUMENT))["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            if time.monotonic() > end:
                problem = (
                    f"is not there after {TIMEOUT_S:.0f} s"
                    if isinstance(error, OSError)
                    else "is no such file"
                )
                raise ClusterError(f"the scheduler's file {file} {problem}") from None
        time.sleep(0.2)


def _credentials(address: str) -> Security | None:
    """Return the certificates that Dask's own configuration names."""
    from distributed import Security  # noqa: PLC0415

    if address.startswith("tcp:"):
        return None
    security = Security(require_encryption=True)
    if not (security.tls_ca_file and security.tls_client_cert):
        raise ConfigError(
            f"{address} wants certificates: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT and "
            "…__CLIENT__KEY, or DASK_CONFIG to the cluster's file (docs/cluster.md)"
        )
    return security


def _connected(address: str, security: Security | None) -> Connection:
    from distributed import Client  # noqa: PLC0415

    client = Client.__new__(Client)
    try:
        client.__init__(address, security=security, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError, RuntimeError, TypeError) as error:
        client.close()  # collected as garbage, it would hang the next one that starts: they share a lock
        raise ClusterError(_why(address, error)) from None
    return Connection(client=client)


def _why(address: str, error: BaseException) -> str:
    """Say in one line why a scheduler could not be reached."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 20:
        causes.append(cause)
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return (
            f"the scheduler at {address} and the certificates here do not fit: both need those of one cluster"
        )
    secured = "is it a scheduler without TLS?" if address.startswith("tls:") else "is it one with TLS?"
    return f"no scheduler answers at {address} within {TIMEOUT_S:.0f} s ({secured})"


def _started(workers: int | None) -> Connection:
    """Start a scheduler and workers of this machine that only this user can connect to."""
    import dask  # noqa: PLC0415
    from distributed import LocalCluster, Security  # noqa: PLC0415

    prepare_environment()
    packing = pack(workers, best_device(), bytes_each=0)
    try:
        security = Security.temporary()
    except ImportError:
        raise ClusterError(
            "--cluster local needs cryptography: pip install 'efficientnet-scaling[cluster]'"
        ) from None
    with dask.config.set(LOCAL_CONFIG):
        cluster = LocalCluster(
            n_workers=packing.workers,
            threads_per_worker=packing.threads,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,  # trainings were sized before; a share of memory is no reason to end one
            silence_logs=logging.CRITICAL + 1,
            preload=["scaling.runs.cluster_preload"],
        )
    connected = _connected(cluster.scheduler_address, security)
    return Connection(client=connected.client, cluster=cluster)


def _quiet() -> None:
    """Leave what goes wrong to our own single line; Dask prints whole traces of it."""
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"distributed\.")

"""Samples of processor, memory, disk, network and GPU while a run is open, taken by MLflow."""

from typing import Any

from spampipe.core import environment
from spampipe.tracking.store import Store

_SAMPLING_SECONDS = 1.0


class SystemMetrics:
    """Records the machine's figures in a run, once a second, from `start` to `finish`."""

    def __init__(self) -> None:
        self._monitor: Any = None

    def start(self, store: Store, run_id: str) -> None:
        """Begin, after the samples that the run may have already.

        Args:
            store: the store that the run is recorded in.
            run_id: the run's id.
        """
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitor = SystemMetricsMonitor(
            run_id, sampling_interval=_SAMPLING_SECONDS, resume_logging=True, tracking_uri=store.address
        )
        for monitor in self._monitor.monitors:
            if hasattr(monitor, "gpu_handles"):
                monitor.gpu_handles = _used_gpu()
        self._monitor.start()

    def finish(self) -> None:
        """Stop, and record the last, incomplete second too: a short run has no other."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor.publish_metrics(self._monitor.aggregate_metrics())
            self._monitor.mlflow_logger.flush()


def _used_gpu() -> list[Any]:
    """NVML's handle of the GPU that torch computes on; MLflow would sample every GPU of the machine."""
    torch = environment.torch_on_cuda()
    if torch is None:
        return []
    import pynvml

    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return [pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{properties.uuid}")]

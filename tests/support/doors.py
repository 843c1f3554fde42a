"""Which module knows which library that is an extra: nothing else imports it."""

#: The modules that know a library which is an extra.
DOORS = {
    "lattice_cli.sweep.kernels": "numba",
    "lattice_cli.emissions.token_loops": "numba",
    "lattice_cli.learning.modules.torch_module": "torch",
    "lattice_cli.learning.modules.torch_steps": "torch",
    "lattice_cli.torch": "torch",
    "lattice_cli.executors.dask_cluster": "distributed",
    "lattice_cli.executors.mpi_ranks": "mpi4py",
    "lattice_cli.models.module_weights": "torch",
    "lattice_cli.models.onnx_recognizer": "onnxruntime",
}

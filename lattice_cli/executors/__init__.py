"""Work in other processes: one interface, `concurrent.futures.Executor`, whoever runs them.

place            how many processes, or which cluster
workers          processes that each hold a state, and take tasks that need it
ordered          tasks to results in their order; what a lost process had is tried again
held             what a process holds; the side of the workers
sealed           a state as bytes, or in a file that several processes map
local_processes  the standard library's process pool
watch            a pool of which a process is killed in the middle of a result
dask_cluster     workers of Dask
mpi_ranks        ranks of MPI, by mpi4py
lifeline         no process outlives its parent
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.executors.lifeline import terminable
    from lattice_cli.executors.ordered import in_order
    from lattice_cli.executors.place import Place, processors
    from lattice_cli.executors.workers import Workers, ended_in, held_apart

__getattr__ = lazy_names(__name__)

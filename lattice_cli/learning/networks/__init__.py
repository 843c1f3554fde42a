"""Differentiable functions with backward passes by hand: dense, convolution, neural ODE, fixed point.

convolution        convolutions (TDNN, SDNN), on items too
convolution_strip  one convolution over records of any length
dense              fully connected layers
fixed_point        f = 0: solvers and implicit gradient
layers             parameters by name, activations, initial weights
ode                neural ODE: discrete and continuous adjoint
vector_field       f(z, W; x) and explicit Runge-Kutta steps with derivatives
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.networks.convolution import BoxNetwork, ConvolutionNetwork, Kernel
    from lattice_cli.learning.networks.convolution_strip import StripNetwork
    from lattice_cli.learning.networks.dense import DenseNetwork
    from lattice_cli.learning.networks.fixed_point import SOLVERS, FixedPointNetwork
    from lattice_cli.learning.networks.layers import BUFFER, MODULE, Network, Parameters, Pullback, Stateful
    from lattice_cli.learning.networks.ode import OdeNetwork
    from lattice_cli.learning.networks.vector_field import STEPPERS

__getattr__ = lazy_names(__name__)

"""The mlp, the ODE and the fixed point of `recognizer.kind` as modules of PyTorch, for benchmarks/accuracy/ode.py.

The field is f(z) = tanh(z W + x U + b) - z; energies are a linear function of the state.
"""

import torch
from torch import nn


class Mlp(nn.Module):
    def __init__(self, inputs, outputs, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, rows):
        return self.layers(rows)


class Ode(nn.Module):
    """Euler's steps, through which autograd goes back: the discrete adjoint."""

    def __init__(self, inputs, outputs, units, steps=8, time=4.0):
        super().__init__()
        self.drive, self.recurrent = nn.Linear(inputs, units), nn.Linear(units, units, bias=False)
        self.energies = nn.Linear(units, outputs)
        self.steps, self.step = steps, time / steps

    def forward(self, rows):
        drive = self.drive(rows)
        state = torch.zeros_like(drive)
        for _ in range(self.steps):
            state = state + self.step * (torch.tanh(self.recurrent(state) + drive) - state)
        return self.energies(state)


class FixedPoint(nn.Module):
    """Where f = 0, by iteration; the gradient of the implicit function, by iteration of the adjoint (Bai, Kolter,
    Koltun 2019): memory and the way back do not know how it was found."""

    def __init__(self, inputs, outputs, units, norm=0.95, iterations=60, tolerance=1e-6):
        super().__init__()
        self.drive, self.recurrent = nn.Linear(inputs, units), nn.Linear(units, units, bias=False)
        self.energies = nn.Linear(units, outputs)
        self.norm, self.iterations, self.tolerance = norm, iterations, tolerance

    def forward(self, rows):
        drive, weight = self.drive(rows), self.recurrent.weight
        weight = weight * (self.norm / torch.linalg.matrix_norm(weight, 2)).clamp(max=1.0)
        with torch.no_grad():
            state = self.solved(lambda state: torch.tanh(state @ weight.T + drive), torch.zeros_like(drive))
        state = torch.tanh(state @ weight.T + drive)  # one step that autograd sees
        if state.requires_grad:
            slope = (1 - state**2).detach()
            own = weight.detach()
            state.register_hook(lambda g: self.solved(lambda back: (back * slope) @ own + g, g))
        return self.energies(state)

    def solved(self, step, state):
        for _ in range(self.iterations):
            after = step(state)
            if (after - state).abs().max() < self.tolerance:
                return after
            state = after
        return state

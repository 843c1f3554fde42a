"""A file as a person would write it, for recognisers of kind torch."""

NETS = '''
import torch
from torch import nn


class Net(nn.Module):
    """With all that a training has to keep: weights, running means, draws."""

    def __init__(self, inputs, outputs, units=6, dropout=0.25):
        super().__init__()
        self.first = nn.Linear(inputs, units)
        self.norm = nn.BatchNorm1d(units)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(units, outputs)

    def forward(self, rows):
        return self.last(self.drop(torch.tanh(self.norm(self.first(rows)))))


class Drop(nn.Module):
    """Draws, and keeps nothing beside its weights."""

    def __init__(self, inputs, outputs, units=6, dropout=0.25):
        super().__init__()
        self.first = nn.Linear(inputs, units)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(units, outputs)

    def forward(self, rows):
        return self.last(self.drop(torch.tanh(self.first(rows))))


class Recurrent(nn.Module):
    """Half as many steps as rows."""

    def __init__(self, inputs, outputs, units=5):
        super().__init__()
        self.context = nn.LSTM(inputs, units, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * units, outputs)

    def steps(self, rows):
        return (rows + 1) // 2

    def forward(self, records, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(records, lengths, batch_first=True, enforce_sorted=False)
        found, _ = nn.utils.rnn.pad_packed_sequence(self.context(packed)[0], batch_first=True)
        return self.last(found[:, ::2])


class Wrong(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.last = nn.Linear(inputs + 1, outputs)

    def forward(self, rows):
        return self.last(rows)


class Wide(Net):
    def forward(self, rows):
        return super().forward(rows)[:, :-1]


class Infinite(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.register_buffer("mask", torch.full((2,), float("inf")))


class NoModule:
    pass
'''

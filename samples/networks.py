"""Networks of PyTorch for recognizer.kind: torch: the energies of labels, low where a label fits.

Copy what you need: a network is a torch.nn.Module whose __init__ asks by name for what it wants to know (inputs: the
numbers in a row; outputs: labels; shape: columns and rows of the image that a row is, where the configuration gives
it), and for whatever recognizer.torch.arguments has. reads: items gives forward (items, inputs) and wants
(items, outputs); reads: sequences gives (records, longest, inputs) with zeros behind each record, and lengths to who
asks for them, and wants (records, steps, outputs).
"""

import math
from itertools import pairwise

import torch
from torch import nn


class SmallCnn(nn.Module):
    """Items that are small images by themselves: two convolutions and pooling, twice. Numbers of a row behind those of
    its image (of segments: how large they were) go to the last layer."""

    def __init__(self, inputs, outputs, shape, channels=32, dropout=0.3):
        super().__init__()
        self.shape = columns, rows = shape
        self.extras = inputs - columns * rows
        self.features = nn.Sequential(
            *_convolution(1, channels),
            *_convolution(channels, channels),
            nn.MaxPool2d(2),
            *_convolution(channels, 2 * channels),
            *_convolution(2 * channels, 2 * channels),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
        )
        size = 2 * channels * (columns // 4) * (rows // 4) + self.extras
        self.size = size
        self.energies = nn.Linear(size, outputs)

    def seen(self, items):
        """(items, size): what the last layer sees."""
        pixels, extras = items.split([items.shape[1] - self.extras, self.extras], dim=1)
        return torch.cat([self.features(pixels.reshape(-1, 1, *self.shape)), extras], dim=1)

    def forward(self, items):
        return self.energies(self.seen(items))


def _convolution(channels, outputs):
    return [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class CnnBiLstm(nn.Module):
    """Records of items that are small images, each seen with those before and behind it (reads: sequences)."""

    def __init__(self, inputs, outputs, shape, channels=32, units=64, dropout=0.3):
        super().__init__()
        self.items = SmallCnn(inputs, outputs, shape, channels, dropout)
        self.context = nn.LSTM(self.items.size, units, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.energies = nn.Linear(2 * units, outputs)

    def forward(self, records, lengths):
        there = torch.arange(records.shape[1], device=records.device) < lengths[:, None]
        seen = self.items.seen(records[there])  # items of all records; the zeros behind them are not looked at
        padded = seen.new_zeros(*records.shape[:2], seen.shape[1]).masked_scatter(there[:, :, None], seen)
        packed = nn.utils.rnn.pack_padded_sequence(padded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        found, _ = nn.utils.rnn.pad_packed_sequence(self.context(packed)[0], batch_first=True)
        own = padded @ self.items.energies.weight.T + self.items.energies.bias
        return own + self.energies(self.dropout(found))


class LineReader(nn.Module):
    """Images of lines, a row of inputs being a column of pixels: convolutions, a step for every `stride` columns (2 or
    4), BiLSTM (reads: sequences; alignment: ctc)."""

    def __init__(self, inputs, outputs, channels=24, units=96, dropout=0.2, stride=4):
        super().__init__()
        self.stride = stride
        self.pools = ((2, 2), (stride // 2, 2), (1, 2))
        self.layers = nn.ModuleList(
            nn.Sequential(*_convolution(before, after))
            for before, after in pairwise((1, channels, 2 * channels, 2 * channels))
        )
        self.context = nn.LSTM(2 * channels * (inputs // 8), units, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.energies = nn.Linear(2 * units, outputs)

    def steps(self, rows):
        return -(-rows // self.stride)

    def forward(self, lines, lengths):
        seen = nn.functional.pad(lines, (0, 0, 0, -lines.shape[1] % self.stride))[:, None]
        for layer, pooled in zip(self.layers, self.pools):
            # What is behind a line is nothing again after each layer, whatever longer line is beside it.
            there = torch.arange(seen.shape[2], device=lines.device) < lengths[:, None]
            seen = nn.functional.max_pool2d(layer(seen) * there[:, None, :, None], pooled)
            lengths = (lengths + pooled[0] - 1) // pooled[0]
        seen = self.dropout(seen.transpose(1, 2).flatten(2))
        packed = nn.utils.rnn.pack_padded_sequence(seen, lengths.cpu(), batch_first=True, enforce_sorted=False)
        found, _ = nn.utils.rnn.pad_packed_sequence(self.context(packed)[0], batch_first=True)
        return self.energies(self.dropout(found))


class Tdnn(nn.Module):
    """Convolutions along a record, each with a longer reach (reads: sequences): frames of speech."""

    def __init__(self, inputs, outputs, channels=128, layers=3, dropout=0.1):
        super().__init__()
        sizes = [inputs] + layers * [channels]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, 3, padding=2**number, dilation=2**number)
            for number, (before, after) in enumerate(pairwise(sizes))
        )
        self.dropout = nn.Dropout(dropout)
        self.energies = nn.Linear(channels, outputs)

    def forward(self, records, lengths):
        there = (torch.arange(records.shape[1], device=records.device) < lengths[:, None])[:, None]
        values = records.transpose(1, 2)
        for layer in self.layers:
            values = self.dropout(torch.relu(layer(values))) * there  # zeros behind a record stay zeros
        return self.energies(values.transpose(1, 2))


class Transformer(nn.Module):
    """An encoder whose rows look at all rows of their record (reads: sequences)."""

    def __init__(self, inputs, outputs, width=64, heads=4, layers=2, dropout=0.1):
        super().__init__()
        self.width = width
        self.inward = nn.Linear(inputs, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.energies = nn.Linear(width, outputs)

    def forward(self, records, lengths):
        behind = torch.arange(records.shape[1], device=records.device) >= lengths[:, None]
        values = self.inward(records) + self.places(records)
        return self.energies(self.encoder(values, src_key_padding_mask=behind))

    def places(self, records):
        """(longest, width): sines and cosines of where a row is (Vaswani et al. 2017)."""
        row = torch.arange(records.shape[1], device=records.device, dtype=records.dtype)[:, None]
        rate = torch.arange(0, self.width, 2, device=records.device, dtype=records.dtype) / self.width
        angle = row * torch.exp(-math.log(1e4) * rate)
        return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)

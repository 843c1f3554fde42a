"""Images of characters cut into segments: the segmentation graph of the check reader.

cut_features  what is seen of the image around a cut
cuts          where a field of characters may be cut
ink_boxes     the box of the ink of each segment
scaling       images scaled into a box
segmenter     over-segmentation of an image into a segmentation graph, and features
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.segmentation.cut_features import CUT_SIZE
    from lattice_cli.learning.segmentation.segmenter import Segmenter

__getattr__ = lazy_names(__name__)

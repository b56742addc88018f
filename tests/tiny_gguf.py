"""Writes a language model of a few hundred kilobytes that llama.cpp really loads: random weights, a few dozen words, a chat template.

It answers nonsense for as long as it is asked to: the end-of-text token can never win.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

WORDS = (
    *("the", "a", "of", "in", "on", "and", "to", "was", "is", "said", "council", "river", "bridge", "vote", "mayor", "rain", "flood"),
    *("school", "park", "train", "budget", "night", "city", "report", "new", "old", "first", "last", "people", "yes", "no"),
)
TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }} {{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant {% endif %}"
)
_WIDTH, _HEADS, _FEED = 32, 2, 64


def write_tiny_gguf(path: Path, *, chat_template: str | None = TEMPLATE, context: int = 131_072) -> Path:
    """Write the model to `path`; without a chat template it is a base model. Returns the path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_FEED)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    tokens, types = _vocabulary(gguf)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    for name, tensor in _tensors(len(tokens)).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary(gguf: object) -> tuple[list[bytes], list[int]]:
    kinds = gguf.TokenType  # type: ignore[attr-defined]
    special = [(b"<unk>", kinds.UNKNOWN), (b"<s>", kinds.CONTROL), (b"</s>", kinds.CONTROL)]
    raw = [(f"<0x{value:02X}>".encode(), kinds.BYTE) for value in range(256)]
    words = [(("\u2581" + word).encode(), kinds.NORMAL) for word in WORDS]
    everything = special + raw + words
    return [token for token, _ in everything], [int(kind) for _, kind in everything]


def _tensors(vocabulary: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.5, shape).astype(np.float32)

    output = np.zeros((vocabulary, _WIDTH), dtype=np.float32)
    output[-len(WORDS) :] = weights(len(WORDS), _WIDTH)  # Only words can have a logit above zero.
    ones = np.ones(_WIDTH, dtype=np.float32)
    block = {f"blk.0.attn_{part}.weight": weights(_WIDTH, _WIDTH) for part in ("q", "k", "v", "output")}
    block |= {"blk.0.attn_norm.weight": ones, "blk.0.ffn_norm.weight": ones}
    block |= {"blk.0.ffn_gate.weight": weights(_FEED, _WIDTH), "blk.0.ffn_up.weight": weights(_FEED, _WIDTH)}
    block |= {"blk.0.ffn_down.weight": weights(_WIDTH, _FEED)}
    return {"token_embd.weight": weights(vocabulary, _WIDTH), "output_norm.weight": ones, "output.weight": output, **block}

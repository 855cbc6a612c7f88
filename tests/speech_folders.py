"""Folders with speech models of random weights, saved as transformers saves them: for tests and benchmarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "fr")
LETTERS = "ETAONIHSRDLUMWCFGYPBVKXJQZ'"


def byte_level(path: Path, specials: tuple[str, ...]) -> dict[str, int]:
    """A byte-level tokenizer without merges: 256 bytes, some words, and the special tokens; ids by token."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words = [f"Ġ{word}" for word in ("the", "and", "of", "to", "we", "all")]
    vocabulary = {token: number for number, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()) + words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _saved(tokenizer, [AddedToken(token, special=True) for token in specials], path)


def pieces(path: Path, specials: tuple[str, ...], *, first: bool = True) -> dict[str, int]:
    """A tokenizer of pieces, a word's first one marked with ▁, as sentencepiece has them; ids by token."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    parts = ["▁", *(f"▁{part}" for part in ("the", "a", "in", "we", "go")), *LETTERS.lower(), "ing", ".", ","]
    tokens = [*specials, *parts] if first else [*parts, *specials]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, [], unk_token=specials[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _saved(tokenizer, [AddedToken(token, special=True) for token in specials], path)


def _saved(tokenizer: Any, added: list[Any], path: Path) -> dict[str, int]:
    tokenizer.add_special_tokens(added)
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    found: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    return found


def whisper(folder: Path, *, english: bool = False, generation: Mapping[str, Any] = {}, **sizes: Any) -> Path:
    """A Whisper; `english`: one that knows no other language."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    spoken = tuple(f"<|{language}|>" for language in LANGUAGES)
    names = ("<|endoftext|>", "<|startoftranscript|>", *spoken, "<|translate|>", "<|transcribe|>")
    ids = byte_level(folder, (*names, "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"))
    small = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "decoder_ffn_dim": 32, "encoder_ffn_dim": 32}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = WhisperConfig(
        **{**small, **heads, "num_mel_bins": 80, "max_target_positions": 64, **sizes},
        vocab_size=len(ids) + 1501,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = _random(WhisperForConditionalGeneration, config)
    settings = {
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "is_multilingual": not english,
        "alignment_heads": [[1, 0], [1, 1]],
        "begin_suppress_tokens": [ids["Ġ"], ids["<|endoftext|>"]],
        "suppress_tokens": [ids["!"]],
    }
    if not english:
        settings["lang_to_id"] = {name: ids[name] for name in spoken}
        settings["task_to_id"] = {"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]}
    model.generation_config._from_model_config = False
    for name, value in {**settings, **generation}.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    return folder


def moonshine(folder: Path, **sizes: Any) -> Path:
    """A Moonshine."""
    from transformers import MoonshineConfig, MoonshineForConditionalGeneration

    ids = pieces(folder, ("<unk>", "<s>", "</s>"))
    small = {"hidden_size": 32, "intermediate_size": 32, "encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 2}
    heads = {"encoder_num_attention_heads": 2, "decoder_num_attention_heads": 2, "max_position_embeddings": 194}
    config = MoonshineConfig(**{**small, **heads, **sizes}, vocab_size=len(ids))
    _random(MoonshineForConditionalGeneration, config).save_pretrained(folder)
    return folder


ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_kernel_size": 5,
    "subsampling_conv_channels": 8,
    "layerdrop": 0.0,
}


def canary(folder: Path, **sizes: Any) -> Path:
    """A Canary."""
    from transformers import CanaryConfig, CanaryForConditionalGeneration

    spoken = tuple(f"<|{language}|>" for language in LANGUAGES)
    first = ("<unk>", "<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|pnc|>", "<|nopnc|>")
    rest = ("<|startofcontext|>", "<|emo:undefined|>", "<|noitn|>", "<|notimestamp|>", "<|nodiarize|>")
    ids = pieces(folder, (*first, *rest, *spoken))
    decoder = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    decoder |= {"num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64}
    config = CanaryConfig(
        encoder_config={"model_type": "parakeet_encoder", **ENCODER, "num_mel_bins": 128, "scale_input": False},
        decoder_config={**decoder, **sizes, "vocab_size": len(ids)},
        vocab_size=len(ids),
        decoder_start_token_id=ids["<|startofcontext|>"],
    )
    _random(CanaryForConditionalGeneration, config).save_pretrained(folder)
    return folder


def parakeet_ctc(folder: Path, **sizes: Any) -> Path:
    """A Parakeet with a CTC head."""
    from transformers import ParakeetCTCConfig, ParakeetForCTC

    ids = pieces(folder, ("<unk>", "<pad>"), first=False)
    encoder = {**ENCODER, **sizes}
    config = ParakeetCTCConfig(encoder_config=encoder, vocab_size=len(ids), pad_token_id=ids["<pad>"])
    _random(ParakeetForCTC, config).save_pretrained(folder)
    return folder


def parakeet_tdt(folder: Path, **sizes: Any) -> Path:
    """A Parakeet with a token-and-duration transducer."""
    from transformers import ParakeetForTDT, ParakeetTDTConfig

    return _transducer(folder, ParakeetTDTConfig, ParakeetForTDT, sizes)


def parakeet_rnnt(folder: Path, **sizes: Any) -> Path:
    """A Parakeet with a transducer."""
    from transformers import ParakeetForRNNT, ParakeetRNNTConfig

    return _transducer(folder, ParakeetRNNTConfig, ParakeetForRNNT, sizes)


def _transducer(folder: Path, config: Any, model: Any, sizes: Mapping[str, Any]) -> Path:
    ids = pieces(folder, ("<unk>", "<pad>", "<blank>"), first=False)
    made = config(
        encoder_config={**ENCODER, "num_mel_bins": 128},
        vocab_size=len(ids),
        pad_token_id=ids["<pad>"],
        blank_token_id=ids["<blank>"],
        **{"decoder_hidden_size": 16, "num_decoder_layers": 1, **sizes},
    )
    built = _random(model, made)
    built.generation_config.decoder_start_token_id = ids["<blank>"]
    built.save_pretrained(folder)
    return folder


def wav2vec2(folder: Path, **sizes: Any) -> Path:
    """A wav2vec2 with a CTC head and a vocabulary of letters, normalized by layer as the large ones are."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    return _conv_ctc(folder, Wav2Vec2Config, Wav2Vec2ForCTC, sizes)


def hubert(folder: Path, **sizes: Any) -> Path:
    """A HuBERT with a CTC head."""
    from transformers import HubertConfig, HubertForCTC

    return _conv_ctc(folder, HubertConfig, HubertForCTC, sizes)


def _conv_ctc(folder: Path, config: Any, model: Any, sizes: Mapping[str, Any]) -> Path:
    tokens = ("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS)
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    convolutions = {"conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    norms = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
    made = config(**{**small, **convolutions, **norms, **sizes}, vocab_size=len(tokens), pad_token_id=0)
    _random(model, made).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    normalize = made.feat_extract_norm == "layer"
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": normalize, "sampling_rate": 16000}))
    return folder


MAKERS: Mapping[str, Callable[..., Path]] = {
    "whisper": whisper,
    "moonshine": moonshine,
    "canary": canary,
    "parakeet_ctc": parakeet_ctc,
    "parakeet_tdt": parakeet_tdt,
    "parakeet_rnnt": parakeet_rnnt,
    "wav2vec2": wav2vec2,
    "hubert": hubert,
}
"""By family: what makes a folder."""


def _random(model: Any, config: Any) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        made = model(config).eval()
        with torch.no_grad():  # as they are made, what comes out hardly hangs on the sound
            for name, parameter in made.named_parameters():
                if parameter.dim() > 1 and "embed" not in name:
                    parameter.mul_(4.0)
    return made

"""A folder with a small CLAP of random weights, saved as transformers saves one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import speech_folders
from numpy.typing import NDArray

TEXT = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
AUDIO = {
    **{"patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2], "num_hidden_layers": 2},
    **{"hidden_size": 32, "num_classes": 4, "drop_path_rate": 0.0},
}
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")


def clap(folder: Path, *, full: bool = False, **audio: object) -> Path:
    """A ClapModel with its tokenizer and what it hears; `full`: as large as clap-htsat-unfused."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.processors import RobertaProcessing
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    ids = speech_folders.byte_level(folder, SPECIALS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = RobertaProcessing(("</s>", ids["</s>"]), ("<s>", ids["<s>"]))
    tokenizer.enable_padding(length=64)  # a folder may ask for it; one text alone needs none
    tokenizer.save(str(folder / "tokenizer.json"))
    text = {
        **({} if full else TEXT),
        "vocab_size": len(ids),
        "pad_token_id": ids["<pad>"],
        "max_position_embeddings": 514,
    }
    config = ClapConfig(text_config=text, audio_config={**({} if full else AUDIO), **audio}, projection_dim=16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = ClapModel(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(8.0)
    model.save_pretrained(folder)
    settings = ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc").to_dict()
    wanted = {name: value for name, value in settings.items() if isinstance(value, bool | int | float | str)}
    (folder / "preprocessor_config.json").write_text(json.dumps(wanted))
    return folder


class Plain:
    """A model as the documentation of transformers uses it.

    Args:
        folder: of the model.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

        self._model = ClapModel.from_pretrained(folder).eval()
        self._extract = ClapFeatureExtractor.from_pretrained(folder)
        self._tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer.json"), pad_token="<pad>", bos_token="<s>", eos_token="</s>"
        )

    def __call__(self, sounds: Sequence[NDArray[np.float32]], prompts: list[str]) -> NDArray[np.float32]:
        """Probabilities of the first of two prompts, in each sound."""
        import torch

        tokens = self._tokenizer(prompts, padding=True, return_tensors="pt")
        given = [each.astype(np.float64) for each in sounds]
        heard = self._extract(given, sampling_rate=48000, return_tensors="pt")
        with torch.inference_mode():
            made = self._model(
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
                input_features=heard["input_features"].float(),
            )
        found: NDArray[np.float32] = made.logits_per_audio.softmax(dim=-1)[:, 0].numpy()
        return found

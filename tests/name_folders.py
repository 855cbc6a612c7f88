"""Folders with a model that finds names: a real token classification, small and made here."""

from __future__ import annotations

from pathlib import Path

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "then", "quorl", "zibbeth", "called", "##eth", "."]
PEOPLE = ("quorl", "zibbeth", "##eth")


def make(folder: Path, labels: tuple[str, ...] = ("O", "B-PER", "I-PER")) -> Path:
    """A BERT without layers: what a token is called hangs on the token alone."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=4, num_hidden_layers=0, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=32, num_labels=len(labels), id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )  # fmt: skip
    network = BertForTokenClassification(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        embeddings = network.bert.embeddings
        embeddings.LayerNorm.weight.fill_(1)
        for number, word in enumerate(WORDS):
            embeddings.word_embeddings.weight[number, int(word in PEOPLE)] = 1.0
        network.classifier.weight[0, 0] = network.classifier.weight[1, 1] = 1.0
    network.save_pretrained(folder, safe_serialization=True)
    return folder
